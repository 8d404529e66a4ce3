"""What must never reach a log line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

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
