"""Cleans text that comes from outside, and reads JSON strictly."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from e2i_shared.errors import MalformedRequestError, TooLargeError, UnprocessableError

MAX_BODY_BYTES = 1_400_000  # 1 MiB of inline content, escaped as JSON, with its envelope
VERBATIM = frozenset({"content"})  # a file's text is data: its loader judges it

# Control characters (tab and line ends stay), soft hyphen, zero-width, bidi controls, tag block, surrogates, non-characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text without characters that nobody can see."""
    return _INVISIBLE.sub("", text)


def clean_all(value: Any, key: str = "") -> Any:
    """Clean every string inside JSON data; refuse numbers outside what a float holds."""
    if isinstance(value, str):
        return _verbatim(value, key) if key in VERBATIM else clean(value)
    if isinstance(value, dict):
        return {clean(name): clean_all(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [clean_all(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise MalformedRequestError(
            "A number of the body is out of range.", field="body", expected="finite numbers", got=str(value)
        )
    return value


def _verbatim(text: str, key: str) -> str:
    if _SURROGATE.search(text):
        raise MalformedRequestError(
            f"{key} holds a lone surrogate: it is not valid Unicode text.",
            field=key,
            expected="text that UTF-8 can hold",
        )
    return text


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def loads(body: str) -> dict[str, Any]:
    """Parse and clean a request body.

    Raises
    ------
    TooLargeError
        When it is longer than ``MAX_BODY_BYTES``.
    MalformedRequestError
        When it is not JSON, nests too deeply, or holds a number that no float can.
    UnprocessableError
        When it is JSON, but no object.
    """
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError(
            "The body is too large.",
            field="body",
            expected=f"at most {MAX_BODY_BYTES:,} bytes",
            got=f"{len(body):,}",
            hint="Ask POST /uploads for a ticket and send the file there.",
        )
    try:
        read = clean_all(json.loads(body, parse_constant=_no_constant))
    except (ValueError, RecursionError) as error:
        raise MalformedRequestError(
            f"The body is not JSON that can be read: {_reason(error)}.", field="body", expected="one JSON object"
        ) from error
    if not isinstance(read, dict):
        raise UnprocessableError("The body is not a JSON object.", field="body", expected='an object: {"…": …}')
    return read


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it nests too deeply" if isinstance(error, RecursionError) else "a number is too long or not a number"
