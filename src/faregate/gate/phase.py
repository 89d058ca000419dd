"""The phases of a call, by name and in order."""

from enum import IntEnum


class Phase(IntEnum):
    """What a step decides; a plan's steps are in this order.

    FINISH is no step: it always runs.
    """

    ROUTE = 0
    IDENTIFY = 1
    VALIDATE = 2
    AUTHORIZE = 3
    LIMIT = 4
    RESERVE = 5
    CHOOSE = 6
    SEND = 7
