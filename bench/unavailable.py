"""What stops a row from being measured."""


class Unavailable(Exception):  # noqa: N818 - a state of the machine, not a mistake
    """A candidate can't be measured here; the message says why and what to do."""
