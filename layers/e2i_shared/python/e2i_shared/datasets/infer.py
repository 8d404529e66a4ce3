"""What each column holds, from the first records and what the user declared.

A column whose cells are numbers (or dates) but for fewer than one in a hundred is refused with the stray cell's line: loading it as
text would silently take it out of every analysis. A real mixture becomes text, with a warning.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from e2i_shared.api.datasets import ColumnKind
from e2i_shared.datasets import cells, refusals
from e2i_shared.datasets.filters import nearest
from e2i_shared.datasets.plan import ColumnPlan, LoadPlan
from e2i_shared.errors import BadFileError, UnknownColumnError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2i_shared.api.datasets import ColumnSpec
    from e2i_shared.datasets.dialect import Head

Cells: TypeAlias = "Sequence[tuple[int, str]]"
NEARLY_ALL = 0.99
_ID_WORDS = frozenset({"id", "npi", "zip", "zipcode", "postcode", "postal", "guid", "uuid", "ssn", "ndc", "key"})
_WORDS = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+[a-z]*")
_SCALAR_KINDS = {ColumnKind.NUMBER, ColumnKind.INTEGER, ColumnKind.BOOLEAN, ColumnKind.DATE, ColumnKind.DATETIME}


def words(name: str) -> list[str]:
    """Return the lower-case words of a column name: ``wtChange_71`` gives wt, change and 71, ``stopped90d`` stopped90 and d."""
    return [word.lower() for word in _WORDS.findall(name)]


def looks_like_id(name: str) -> bool:
    """Return whether a name says that its values identify something, so that their digits are no number."""
    found = words(name)
    return bool(found) and (found[-1] in _ID_WORDS or found[0] in {"npi", "zip", "uuid", "guid", "postal"})


def plan_load(head: Head, said: Sequence[ColumnSpec]) -> LoadPlan:
    """Return how to load a file; raise BadFileError for a stray cell, UnknownColumnError for a declared column it lacks."""
    declared = check_declared(head.names, said)
    warnings: list[str] = []
    columns, spellings, empties = [], set(), False
    for position, name in enumerate(head.names):
        values = [(line, record[position]) for line, record in head.records]
        spec = declared.get(name)
        column = _declare(name, spec.kind, values) if spec and spec.kind else _infer(name, values, warnings)
        columns.append(column)
        if column.kind in _SCALAR_KINDS:
            spellings |= {text.strip() for _, text in values if text.strip() and cells.is_missing(text)}
        empties = empties or any(not text for _, text in values)
    order = _date_order(head, columns, warnings)
    _warn_kept_tokens(head, columns, spellings, warnings)
    return LoadPlan(tuple(columns), head.dialect, frozenset(spellings), empties, order, warnings=tuple(warnings))


def check_declared(names: Sequence[str], said: Sequence[ColumnSpec]) -> Mapping[str, ColumnSpec]:
    """Return what is said by column; raise UnknownColumnError for a column that the file lacks."""
    for spec in said:
        if spec.name not in names:
            raise UnknownColumnError(
                f"The file has no column {spec.name!r}.",
                field=spec.name,
                expected="a column of the file's header",
                got=spec.name,
                candidates=nearest(spec.name, names),
            )
    return {spec.name: spec for spec in said}


def _declare(name: str, kind: ColumnKind, values: Cells) -> ColumnPlan:
    if kind in (ColumnKind.NUMBER, ColumnKind.INTEGER) and _comma_decimals(values):
        return ColumnPlan(name, kind, "decimal_comma", declared=True)
    if kind is ColumnKind.DATE and all(cells.MONTH.fullmatch(text.strip()) for _, text in _present(values)):
        return ColumnPlan(name, kind, "month", declared=True)
    if kind is ColumnKind.BOOLEAN and any(text.strip() in ("1.0", "0.0") for _, text in values):
        return ColumnPlan(name, kind, "flag", declared=True)
    checks: dict[ColumnKind, Callable[[str], bool]] = {
        ColumnKind.NUMBER: cells.is_number,
        ColumnKind.INTEGER: cells.is_number,
        ColumnKind.BOOLEAN: lambda text: text.strip().casefold() in cells.DECLARED_TRUTH,
        ColumnKind.DATE: lambda text: cells.is_date(text) or cells.is_moment(text),
        ColumnKind.DATETIME: lambda text: cells.is_date(text) or cells.is_moment(text),
    }
    if kind in checks:
        for line, text in _present(values):
            if not checks[kind](text):
                raise _stray(name, kind, text, line)
    return ColumnPlan(name, kind, declared=True)


def _infer(name: str, values: Cells, warnings: list[str]) -> ColumnPlan:
    present = _present(values)
    if not present:
        warnings.append(f"Column {name!r} is empty in the first {len(values):,} rows and is kept as text.")
        return ColumnPlan(name, ColumnKind.TEXT)
    kind = _named_kind(name, present) or _scalar_kind(name, present, warnings)
    return ColumnPlan(name, kind) if kind else _textual(name, present, warnings)


def _named_kind(name: str, present: Cells) -> ColumnKind | None:
    if looks_like_id(name) or _digits_of_an_id(present):
        return ColumnKind.ID
    return ColumnKind.BOOLEAN if _is_truth(present) else None


def _scalar_kind(name: str, present: Cells, warnings: list[str]) -> ColumnKind | None:
    checks: tuple[tuple[ColumnKind, Callable[[str], bool]], ...] = (
        (ColumnKind.NUMBER, cells.is_number),
        (ColumnKind.DATE, cells.is_date),
        (ColumnKind.DATETIME, lambda text: cells.is_moment(text) or cells.is_date(text)),
    )
    return next((kind for kind, check in checks if _is_kind(name, kind, check, present, warnings)), None)


def _textual(name: str, present: Cells, warnings: list[str]) -> ColumnPlan:
    if all(cells.MONTH.fullmatch(text.strip()) for _, text in present):
        return ColumnPlan(name, ColumnKind.DATE, "month")
    if _comma_decimals(present):
        return ColumnPlan(name, ColumnKind.NUMBER, "decimal_comma")
    if all(cells.DECORATED_NUMBER.fullmatch(text.strip()) for _, text in present):
        example = present[0][1]
        warnings.append(f"Column {name!r} is kept as text: its numbers carry signs or separators ({example!r}).")
    return ColumnPlan(name, ColumnKind.TEXT)


def _is_kind(name: str, kind: ColumnKind, check: Callable[[str], bool], present: Cells, warnings: list[str]) -> bool:
    strays = [(line, text) for line, text in present if not check(text)]
    if not strays:
        return True
    infinite = [cell for cell in strays if cells.is_infinite(cell[1])]
    share = 1 - len(strays) / len(present)
    if kind is ColumnKind.NUMBER and len(infinite) == len(strays) and share > 0:
        raise refusals.infinite(name, infinite[0][1].strip(), infinite[0][0])
    if share >= NEARLY_ALL:
        raise _stray(name, kind, strays[0][1], strays[0][0])
    if share > 0.5:
        warnings.append(
            f"Column {name!r} mixes {kind.value}s ({share:.0%}) with text such as {strays[0][1]!r} (line {strays[0][0]}); kept as text."
        )
    return False


def _stray(name: str, kind: ColumnKind, text: str, line: int) -> BadFileError:
    if cells.is_infinite(text):
        return refusals.infinite(name, text.strip(), line)
    return refusals.bad_cell(name, kind.value, text, line)


def _present(values: Cells) -> Cells:
    return [(line, text) for line, text in values if not cells.is_missing(text)]


def _digits_of_an_id(present: Cells) -> bool:
    return any(
        cells.LEADING_ZERO.fullmatch(text.strip())
        or (text.strip().isdigit() and len(text.strip()) > cells.EXACT_DIGITS)
        for _, text in present
    )


def _is_truth(present: Cells) -> bool:
    found = {text.strip().casefold() for _, text in present}
    return any(found <= pair for pair in cells.TRUTH_PAIRS) or any(found == pair for pair in cells.TRUTH_LETTERS)


def _comma_decimals(values: Cells) -> bool:
    texts = [text.strip() for _, text in _present(values)]
    return any("," in text for text in texts) and all(cells.DECIMAL_COMMA.fullmatch(text) for text in texts)


def _date_order(head: Head, columns: Sequence[ColumnPlan], warnings: list[str]) -> Literal["MDY", "DMY"]:
    found: dict[str, str] = {}
    open_questions = []
    for position, column in enumerate(columns):
        if column.kind not in (ColumnKind.DATE, ColumnKind.DATETIME) or column.form != "plain":
            continue
        texts = [record[position].split(" ")[0] for _, record in head.records]
        orders = {order for text in texts if (order := cells.day_order(text))}
        found |= dict.fromkeys(orders, column.name)
        if not orders and any(cells.SLASHED.fullmatch(text.strip()) for text in texts):
            open_questions.append(column.name)
    if len(found) > 1:
        raise BadFileError(
            f"Dates are written day first in {found['DMY']!r} and month first in {found['MDY']!r}.",
            field=found["DMY"],
            expected="one order of day and month",
            hint="Write dates as YYYY-MM-DD.",
        )
    if open_questions and not found:
        names = ", ".join(repr(name) for name in open_questions)
        warnings.append(
            f"Dates of {names} fit day/month and month/day and are read as month/day; write them as YYYY-MM-DD."
        )
    return "DMY" if "DMY" in found else "MDY"


def _warn_kept_tokens(head: Head, columns: Sequence[ColumnPlan], missing: set[str], warnings: list[str]) -> None:
    for position, column in enumerate(columns):
        if column.kind in _SCALAR_KINDS:
            continue
        kept = (
            {record[position].strip() for _, record in head.records if cells.is_missing(record[position])}
            - missing
            - {""}
        )
        if kept:
            warnings.append(
                f"Column {column.name!r} keeps {min(kept)!r} as a value; leave cells empty where nothing is known."
            )
