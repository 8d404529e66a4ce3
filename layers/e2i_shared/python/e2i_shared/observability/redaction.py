"""What must never reach a log line."""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

from e2i_shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MASK = "[masked]"
SENSITIVE = frozenset(
    {
        "answer", "authorization", "body", "content", "context", "database_url", "output", "params", "password", "query",
        "question", "rows", "secret", "text", "token", "url",
    }
)  # fmt: skip
_SECRETS = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|(?i:bearer)\s+\S+"
    r"|(?i:password|secret|token)\s*[=:]\s*\S+"
    r"|://[^/\s:@]+:[^/\s@]+@"  # credentials in an address
    r"|AKIA[0-9A-Z]{16}"
)


# Messages of these hold no data: names in code, files, settings.
_ABOUT_CODE = (ImportError, NameError, AttributeError, OSError, MemoryError, RecursionError, ConfigurationError)
_FRAMES = 12


def stack(error: BaseException) -> str:
    """Return where an error came from, and its causes: frames and types, no messages that could hold a row or a question."""
    return mask("".join(reversed([part for each in _chain(error) for part in _told(each)])))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(_FRAMES):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _told(error: BaseException) -> Iterator[str]:
    message = f": {error}" if isinstance(error, _ABOUT_CODE) else ""
    yield f"{type(error).__name__}{message}\n"
    yield "".join(traceback.format_tb(error.__traceback__, limit=-_FRAMES))


def mask(text: str) -> str:
    """Return the text with tokens, passwords and keys masked."""
    return _SECRETS.sub(MASK, text)


def redact(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return log fields with sensitive ones masked, at any depth."""
    return {name: MASK if name.lower() in SENSITIVE else _value(value) for name, value in fields.items()}


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return redact(value)
    return [_value(item) for item in value] if isinstance(value, (list, tuple)) else value
