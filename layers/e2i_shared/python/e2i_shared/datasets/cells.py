"""What one cell of text may be: missing, a number, a truth value, a date."""

from __future__ import annotations

import re
from typing import Final

# Compared trimmed and case-folded. The empty cell is missing everywhere.
NA_TOKENS: Final = frozenset({"", "na", "n/a", "#n/a", "null", "nan", "none", ".", "-"})
# The spellings met in practice; any other mix of case is learnt from the file when it turns up.
NA_SPELLINGS: Final = (
    NA_TOKENS | {form(token) for token in NA_TOKENS for form in (str.upper, str.capitalize)} | {"NaN", "#N/A"}
)
INFINITE: Final = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})
TRUTH_PAIRS: Final = (frozenset({"true", "false"}), frozenset({"yes", "no"}))
TRUTH_LETTERS: Final = (frozenset({"t", "f"}), frozenset({"y", "n"}))
DECLARED_TRUTH: Final = frozenset({"true", "false", "yes", "no", "t", "f", "y", "n", "1", "0", "1.0", "0.0"})
# A double keeps whole numbers of up to 15 digits exactly.
EXACT_DIGITS: Final = 15

NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
DECIMAL_COMMA: Final = re.compile(r"[+-]?\d+(?:,\d+)?")
DECORATED_NUMBER: Final = re.compile(r"[($€£]?\s*[+-]?\d{1,3}(?:,\d{3})*(?:\.\d+)?\s*[%)]?")
LEADING_ZERO: Final = re.compile(r"0\d+")
_YEAR, _DAY = r"\d{4}", r"\d{1,2}"
ISO_DATE: Final = re.compile(rf"{_YEAR}-{_DAY}-{_DAY}|{_YEAR}/{_DAY}/{_DAY}")
MONTH: Final = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])")
SLASHED: Final = re.compile(rf"({_DAY})([/.-])({_DAY})\2(?:{_YEAR}|\d{{2}})")
NAMED_MONTH: Final = re.compile(rf"{_DAY}[- ][A-Za-z]{{3,9}}[- ](?:{_YEAR}|\d{{2}})|[A-Za-z]{{3,9}} {_DAY}, {_YEAR}")
TIME_OF_DAY: Final = re.compile(r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:[AaPp][Mm])?(?:Z|[+-]\d{2}(?::?\d{2})?)?")


def is_missing(text: str) -> bool:
    """Return whether a cell of a number, date or truth column stands for a missing value."""
    return text.strip().casefold() in NA_TOKENS


def is_number(text: str) -> bool:
    """Return whether a cell is a finite decimal number with a point."""
    return NUMBER.fullmatch(text.strip()) is not None


def is_infinite(text: str) -> bool:
    """Return whether a cell spells an infinity."""
    return text.strip().casefold() in INFINITE


def is_date(text: str) -> bool:
    """Return whether a cell is a calendar date in a form the database reads."""
    text = text.strip()
    return any(form.fullmatch(text) for form in (ISO_DATE, SLASHED, NAMED_MONTH))


def is_moment(text: str) -> bool:
    """Return whether a cell is a date with a time of day."""
    time = TIME_OF_DAY.search(text.strip())
    return time is not None and time.end() == len(text.strip()) and is_date(text.strip()[: time.start()])


def day_order(text: str) -> str | None:
    """Return "DMY" or "MDY" where a slashed date can only be read one way (dotted dates are DMY), else None."""
    match = SLASHED.match(text.strip())
    if match is None or match.end() > len(text.strip()):
        return None
    first, separator, second = int(match[1]), match[2], int(match[3])
    if first > 12 or separator == ".":
        return "DMY"
    return "MDY" if second > 12 else None
