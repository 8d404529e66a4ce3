"""Choice rules: the comparisons, and how they combine."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from infra.local.asl import paths
from infra.local.asl.errors import DefinitionError, StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COMBINERS: dict[str, Callable[[Iterable[bool]], bool]] = {"And": all, "Or": any, "Not": lambda parts: not any(parts)}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _numeric(value: Any) -> float | None:
    return value if _number(value) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda a, b: a == b,
    "LessThan": lambda a, b: a < b,
    "GreaterThan": lambda a, b: a > b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThanEquals": lambda a, b: a >= b,
}
KINDS: dict[str, Callable[[Any], Any]] = {"String": _string, "Numeric": _numeric, "Timestamp": _instant}


def _compare(read: Callable[[Any], Any], order: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(value: Any, other: Any) -> bool:
        left, right = read(value), read(other)
        return left is not None and right is not None and order(left, right)

    return test


def _matches(value: Any, pattern: Any) -> bool:
    if not isinstance(value, str):
        return False
    parts = re.split(r"(\\.|\*)", pattern)
    body = "".join(".*" if part == "*" else re.escape(part[1:] if part[:1] == "\\" else part) for part in parts)
    return re.fullmatch(body, value, re.DOTALL) is not None


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    f"{kind}{name}": _compare(read, order) for kind, read in KINDS.items() for name, order in ORDERS.items()
}
COMPARISONS["BooleanEquals"] = _compare(_boolean, ORDERS["Equals"])
WITH_PATHS = frozenset(f"{name}Path" for name in COMPARISONS)
COMPARISONS["StringMatches"] = _matches
TYPES: dict[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": _number,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: _instant(value) is not None,
}


def holds(rule: dict[str, Any], data: Any, context: Any) -> bool:
    """Return whether a rule is true of the state's input.

    Raises
    ------
    StateError
        ``States.Runtime`` when its variable is not in the input.
    """
    for name, combine in COMBINERS.items():
        if name in rule:
            parts = [rule[name]] if name == "Not" else rule[name]
            return combine(holds(part, data, context) for part in parts)
    return _compares(rule, data, context)


def _compares(rule: dict[str, Any], data: Any, context: Any) -> bool:
    variable = paths.parse(rule["Variable"])
    operator = operator_of(rule)
    wanted = rule[operator]
    if operator == "IsPresent":
        return variable.exists(data, context) is wanted
    if operator in TYPES:
        present = variable.exists(data, context)
        return (present and TYPES[operator](variable.find(data, context))) is wanted
    value = variable.find(data, context)
    if operator in WITH_PATHS:
        return COMPARISONS[operator.removesuffix("Path")](value, paths.parse(wanted).find(data, context))
    return COMPARISONS[operator](value, wanted)


def operator_of(rule: dict[str, Any]) -> str:
    """Return the one comparison of a rule."""
    return next(name for name in rule if name not in {"Variable", "Next", "Comment"})


def check(rule: dict[str, Any], where: str, *, top: bool = True) -> None:
    """Refuse, at load, a rule with a field or comparison that is not known.

    Raises
    ------
    DefinitionError
        Names the field.
    """
    combined = [name for name in COMBINERS if name in rule]
    known = {"Next", "Comment"} if top else {"Comment"}
    if combined:
        parts = [rule["Not"]] if "Not" in rule else rule[combined[0]]
        for part in parts:
            check(part, where, top=False)
        rest = set(rule) - known - {combined[0]}
    else:
        operators = {*COMPARISONS, *WITH_PATHS, *TYPES, "IsPresent"}
        found = [name for name in rule if name in operators]
        rest = set(rule) - known - {"Variable"} - set(found[:1])
        if not found or "Variable" not in rule:
            raise DefinitionError(
                f"A rule of {where} has no comparison that can be run.", field=where, got=str(sorted(rule))
            )
        paths.parse(rule["Variable"])
        if found[0] in WITH_PATHS:
            paths.parse(rule[found[0]])
    if rest:
        raise DefinitionError(f"Unknown field {min(rest)!r} in a rule of {where}.", field=f"{where}.{min(rest)}")


def choose(rules: list[dict[str, Any]], default: str | None, data: Any, context: Any) -> str:
    """Return the next state's name.

    Raises
    ------
    StateError
        ``States.NoChoiceMatched`` when no rule holds and there is no default.
    """
    for rule in rules:
        if holds(rule, data, context):
            return str(rule["Next"])
    if default is None:
        raise StateError("States.NoChoiceMatched", "No choice rule matched and there is no Default.")
    return default
