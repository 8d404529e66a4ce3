"""Payload templates (``"name.$"``) and the intrinsic functions they may call.

``States.UUID`` and ``States.MathRandom`` are refused: a resumed execution repeats its states, and they would not repeat.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from infra.local.asl import paths
from infra.local.asl.errors import DefinitionError, StateError, dumps

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = re.compile(r"States\.(\w+)\(")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


@dataclass(frozen=True, slots=True)
class Call:
    """An intrinsic function with its arguments: literals, paths or calls."""

    name: str
    arguments: tuple[Any, ...]

    def evaluate(self, data: Any, context: Any) -> Any:
        """Return the function's value.

        Raises
        ------
        StateError
            ``States.IntrinsicFailure`` when the arguments do not fit.
        """
        values = [_value(argument, data, context) for argument in self.arguments]
        try:
            return FUNCTIONS[self.name](*values)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise StateError("States.IntrinsicFailure", f"States.{self.name} failed: {error}") from error


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number, boolean or null in a call."""

    value: Any


def _value(argument: Any, data: Any, context: Any) -> Any:
    if isinstance(argument, Literal):
        return argument.value
    return argument.find(data, context) if isinstance(argument, paths.Path) else argument.evaluate(data, context)


@lru_cache(maxsize=1024)
def expression(text: str) -> paths.Path | Call:
    """Parse the value of a field whose name ends in ``.$``: a path or an intrinsic function."""
    if text.startswith("$"):
        return paths.parse(text)
    call, end = _call(text, 0)
    if text[end:].strip():
        raise _unreadable(text)
    return call


def evaluate(text: str, data: Any, context: Any) -> Any:
    """Return what a ``.$`` field's expression stands for."""
    return _value(expression(text), data, context)


def template(value: Any, data: Any, context: Any) -> Any:
    """Fill a payload template: fields ending in ``.$`` are evaluated, everything else is copied."""
    if isinstance(value, list):
        return [template(item, data, context) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name.removesuffix(".$"): evaluate(item, data, context) if name.endswith(".$") else template(item, data, context)
        for name, item in value.items()
    }


def check_template(value: Any) -> None:
    """Refuse, at load, a template with an expression that cannot be run."""
    if isinstance(value, list):
        for item in value:
            check_template(item)
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if not name.endswith(".$"):
            check_template(item)
        elif isinstance(item, str):
            expression(item)
        else:
            raise DefinitionError(
                f"The field {name!r} must hold a path or a call.", field=name, got=type(item).__name__
            )


def _call(text: str, position: int) -> tuple[Call, int]:
    match = NAME.match(text, position)
    if match is None:
        raise _unreadable(text)
    name = match[1]
    if name not in FUNCTIONS:
        raise DefinitionError(
            f"The function States.{name} cannot be run here.",
            field=text,
            candidates=sorted(f"States.{n}" for n in FUNCTIONS),
        )
    arguments: list[Any] = []
    position = _skip(text, match.end())
    while not text.startswith(")", position):
        argument, position = _argument(text, position)
        arguments.append(argument)
        position = _skip(text, position)
        if text.startswith(",", position):
            position = _skip(text, position + 1)
        elif not text.startswith(")", position):
            raise _unreadable(text)
    return Call(name, tuple(arguments)), position + 1


def _argument(text: str, position: int) -> tuple[Any, int]:
    if text.startswith("'", position):
        return _string(text, position + 1)
    if text.startswith("States.", position):
        return _call(text, position)
    if text.startswith("$", position):
        end = _path_end(text, position)
        return paths.parse(text[position:end]), end
    for word, value in (("true", True), ("false", False), ("null", None)):
        if text.startswith(word, position):
            return Literal(value), position + len(word)
    number = NUMBER.match(text, position)
    if number is None:
        raise _unreadable(text)
    return Literal(json.loads(number[0])), number.end()


def _string(text: str, position: int) -> tuple[Literal, int]:
    parts: list[str] = []
    while position < len(text) and text[position] != "'":
        if text[position] == "\\" and text[position + 1 : position + 2] in {"'", "\\", "{", "}"}:
            escaped = text[position + 1]
            parts.append("\\" + escaped if escaped in "{}" else escaped)
            position += 2
        else:
            parts.append(text[position])
            position += 1
    if position >= len(text):
        raise _unreadable(text)
    return Literal("".join(parts)), position + 1


def _path_end(text: str, position: int) -> int:
    quoted = False
    while position < len(text) and (quoted or text[position] not in ",) "):
        quoted ^= text[position] == "'"
        position += 1
    return position


def _skip(text: str, position: int) -> int:
    while text.startswith(" ", position):
        position += 1
    if position >= len(text):
        raise _unreadable(text)
    return position


def _unreadable(text: str) -> DefinitionError:
    return DefinitionError(f"The expression {text!r} cannot be read.", field=text, expected="a path or States.Name(…)")


def _format(pattern: str, *values: Any) -> str:
    parts = re.split(r"(\\[{}]|\{\})", pattern)
    if parts.count("{}") != len(values):
        raise ValueError(f"{parts.count('{}')} placeholders, {len(values)} values")
    rest = iter(values)
    return "".join(
        _shown(next(rest)) if part == "{}" else part[1:] if part[:1] == "\\" and len(part) == 2 else part
        for part in parts
    )


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def _range(start: int, stop: int, step: int) -> list[int]:
    values = list(range(start, stop + (1 if step > 0 else -1), step))
    if len(values) > 1000:
        raise ValueError("more than 1000 elements")
    return values


def _merge(first: dict[str, Any], second: dict[str, Any], deep: bool) -> dict[str, Any]:
    if deep:
        raise ValueError("only shallow merging is supported")
    return {**first, **second}


def _split(text: str, separators: str) -> list[str]:
    return [part for part in re.split("|".join(map(re.escape, separators)), text) if part]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Format": _format,
    "StringToJson": json.loads,
    "JsonToString": dumps,
    "Array": lambda *values: list(values),
    "ArrayPartition": lambda values, size: [values[at : at + size] for at in range(0, len(values), size)],
    "ArrayContains": lambda values, value: value in values,
    "ArrayRange": _range,
    "ArrayGetItem": lambda values, index: values[index],
    "ArrayLength": len,
    "ArrayUnique": lambda values: [value for at, value in enumerate(values) if value not in values[:at]],
    "Base64Encode": lambda text: base64.b64encode(text.encode()).decode(),
    "Base64Decode": lambda text: base64.b64decode(text).decode(),
    "Hash": lambda data, algorithm: hashlib.new(HASHES[algorithm], _shown(data).encode()).hexdigest(),
    "JsonMerge": _merge,
    "MathAdd": lambda first, second: first + second,
    "StringSplit": _split,
}
