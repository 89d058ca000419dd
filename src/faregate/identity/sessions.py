"""How long a login lasts: without use, and at most."""

from typing import Final

import msgspec

_HOUR_NS: Final = 3_600 * 1_000_000_000
_TOUCH_NS: Final = 60 * 1_000_000_000


class SessionRules(msgspec.Struct, frozen=True):
    """Ends of sessions, in ns: since the last use, and since the login."""

    idle_ns: int
    total_ns: int

    @classmethod
    def of_hours(cls, idle_h: float, total_h: float) -> "SessionRules":
        """The rules of settings.management.session_idle_h and session_total_h."""
        return cls(int(idle_h * _HOUR_NS), int(total_h * _HOUR_NS))

    def ends_ns(self, created_ns: int, used_ns: int) -> int:
        """When a session ends that isn't used any more."""
        return min(used_ns + self.idle_ns, created_ns + self.total_ns)

    def has_ended(self, created_ns: int, used_ns: int, now_ns: int) -> bool:
        """Whether a session of these times has ended by itself."""
        return now_ns >= self.ends_ns(created_ns, used_ns)

    def is_worth_writing(self, used_ns: int, now_ns: int) -> bool:
        """Whether a use at `now_ns` is written down.

        Not each one, to spare the disk.
        """
        return now_ns - used_ns >= min(_TOUCH_NS, self.idle_ns // 20)
