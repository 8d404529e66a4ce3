"""What can go wrong with a definition and in a state."""

from __future__ import annotations

import json
from typing import Any

from e2i_shared.errors import ConfigurationError

SIZE_LIMIT = 262_144  # bytes of a state's input or output
UNCATCHABLE_BY_ALL = frozenset({"States.Runtime", "States.DataLimitExceeded"})


class DefinitionError(ConfigurationError):
    """A state machine definition this runtime cannot run; names the state and the field."""


class StateError(Exception):
    """An error in a state, as States Language names it."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause

    def caught_by(self, names: list[str]) -> bool:
        """Return whether ``ErrorEquals`` lists this error, by name or by a wildcard that covers it."""
        if self.error in names:
            return True
        if self.error in UNCATCHABLE_BY_ALL:
            return False
        return "States.ALL" in names or ("States.TaskFailed" in names and self.error != "States.Timeout")


def dumps(value: Any) -> str:
    """Return compact JSON, as Step Functions carries it; half a surrogate pair, which no UTF-8 holds, stays escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def check_size(value: Any, what: str) -> None:
    """Refuse data above the limit.

    Raises
    ------
    StateError
        ``States.DataLimitExceeded``.
    """
    size = len(dumps(value).encode())
    if size > SIZE_LIMIT:
        raise StateError(
            "States.DataLimitExceeded",
            f"{what} is {size} bytes, more than the maximum of {SIZE_LIMIT} bytes.",
        )
