"""Every error a person may meet. Each names its words in the string catalogue, so that a page can say it in any language.

Knows no screen: `str(error)` is the English sentence, `error.key` and `error.fields` are what is stored.
"""

from typing import Any

from engine import strings


class AthanorError(Exception):
    """Base of all our errors: a catalogue key and the values that fill its sentence."""

    def __init__(self, key: str, **fields: Any) -> None:
        super().__init__(key)
        self.key = key
        self.fields = fields

    def __str__(self) -> str:
        return strings.say(self.key, **self.fields)

    def as_reason(self) -> dict[str, Any]:
        """The error as stored data: `{"key": ..., "fields": {...}}`."""
        return {"key": self.key, "fields": self.fields}


class BadInput(AthanorError, ValueError):
    """A person gave something that cannot be used; the sentence says what is expected."""


class BadKnob(BadInput):
    """A knob has a value outside what it allows. `fields` has `knob`, `value` and `allowed`."""


class DataError(BadInput):
    """A dataset is missing, unreadable or unfit for training."""


class NotFound(BadInput):
    """No such run, command or file."""


class Refused(BadInput):
    """What was asked cannot be done to a run in its state."""


class StoreError(AthanorError):
    """The store cannot be used as it is."""


class StoreBusy(StoreError):
    """The store did not take a write in time; trying again is right."""


class Fenced(AthanorError):
    """A worker whose attempt has ended tried to write; nothing was written."""

    def __init__(self, run: int) -> None:
        super().__init__("errors.fenced", run=run)
