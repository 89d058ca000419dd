"""When a process that died comes back: at once, or after a pause."""

from typing import Final

QUICK_DEATH_S: Final = 5.0  # lived less than this: its start is to blame
PAUSES_S: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # before the next start, by deaths in a row
HOPELESS_DEATHS: Final = 5  # in a row, before the first success: the service gives up


class RestartPolicy:
    """Counts the quick deaths in a row of one process.

    `gives_up` says whether it may be hopeless: whether there is no service without it.
    """

    def __init__(self, *, gives_up: bool = True) -> None:
        self._gives_up = gives_up
        self.deaths_in_a_row = 0
        self.was_ever_ready = False

    def ready(self) -> None:
        """The process says that it works."""
        self.was_ever_ready = True

    def died(self, lived_s: float) -> float:
        """Seconds to wait before the next start."""
        self.deaths_in_a_row = self.deaths_in_a_row + 1 if lived_s < QUICK_DEATH_S else 1
        return PAUSES_S[min(self.deaths_in_a_row, len(PAUSES_S)) - 1]

    def hopeless(self) -> bool:
        """Whether it never worked and there is no point in going on."""
        never_worked = self._gives_up and not self.was_ever_ready
        return never_worked and self.deaths_in_a_row >= HOPELESS_DEATHS
