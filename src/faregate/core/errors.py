"""Errors that a person reads: what is wrong, and what to do about it."""


class FaregateError(Exception):
    """A failure outside a call, shown to an operator as one clear line.

    `message` says what is wrong; `fix`, where there is one, says what to do.
    Refusals of calls are values, not exceptions: see `core.refusals`.
    """

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class ConfigurationError(FaregateError):
    """A configuration that can't be honoured, and where it is written.

    `file` is the name as the user gave it, `line` counts from 1. `others` are further mistakes
    of the same configuration: a person mends them all at once.
    """

    def __init__(
        self,
        message: str,
        *,
        fix: str | None = None,
        file: str | None = None,
        line: int | None = None,
        others: "tuple[ConfigurationError, ...]" = (),
    ) -> None:
        super().__init__(message, fix=fix)
        self.file = file
        self.line = line
        self.others = others

    def __str__(self) -> str:
        place = self.file or ""
        if self.line is not None:
            place = f"{place}:{self.line}"
        own = f"{place}: {self.message}" if place else self.message
        return "\n".join((own, *map(str, self.others)))


class StorageError(FaregateError):
    """The database, a journal or a file of the data folder can't be used."""


class MissingError(FaregateError):
    """What was named is not there, or not for who asks: both look the same."""


class ConflictError(FaregateError):
    """What was asked for is in the way of what is there."""


class StaleError(ConflictError):
    """What was to be changed was changed meanwhile by another."""


class ForbiddenError(FaregateError):
    """Who asks may not do this."""


class UnidentifiedError(FaregateError):
    """Who asks has not shown who they are.

    A password, a code or a token doesn't hold.
    """


class WaitError(FaregateError):
    """Who asks must wait `wait_s` seconds before the next try."""

    def __init__(self, message: str, *, wait_s: int, fix: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.wait_s = wait_s
