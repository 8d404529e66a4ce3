"""Finds every number in a text: digits, percentages, currencies, dates, number words, with the rounding they show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["number", "percent", "currency", "date", "word"]
_DATE = re.compile(
    r"(?<![\w-])(?:\d{4}-\d{2}(?:-\d{2})?|\d{4}-?Q[1-4]|Q[1-4]\s+\d{4}|(?:19|20)\d{2})(?![\w%]|[.,]\d|-\d)"
)
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[-−+])?(?P<currency>[$€£]\s?)?(?P<inner>[-−])?(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<exponent>[eE][-+]?\d+)?"
    r"(?:(?P<percent>\s?%|\s?(?:percent|pct)\b)|(?P<scale>\s?(?:k|K|M|m|B|bn|thousand|million|billion)\b)|(?P<fold>x\b|[\s-]?fold\b))?"
)
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "billion": 1e9}
_WORDS: dict[str, float] = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100, "thousand": 1e3, "million": 1e6, "billion": 1e9,
    "dozen": 12, "twice": 2, "double": 2, "doubles": 2, "doubled": 2, "doubling": 2, "triple": 3, "tripled": 3, "triples": 3, "thrice": 3,
    "quadrupled": 4, "half": 0.5, "halves": 0.5, "halved": 0.5, "third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25, "quarters": 0.25,
    "fifth": 0.2, "tenth": 0.1, "zero": 0.0,
}  # fmt: skip
_WORD = re.compile(rf"(?<!ncludes )(?<!xcludes )\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
_FRACTIONS = {"third", "thirds", "quarter", "quarters", "fifth", "tenth"}
_SHARE_OF = re.compile(r"\b(?:a|an|one|two|three|four|by|about a|nearly a)\s+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A number at ``[start, end)``; it stands for any value within ``tolerance`` of ``value``."""

    text: str
    value: float
    tolerance: float
    kind: Kind
    start: int
    end: int
    signed: bool = False
    less_than: bool = False


def find_numbers(text: str) -> list[Found]:
    """Return the numbers of a text in order; digits inside identifiers (``T01``, ``wt82_71``) are none."""
    dates = [Found(m[0], 0.0, 0.0, "date", m.start(), m.end()) for m in _DATE.finditer(text)]
    taken = [(d.start, d.end) for d in dates]
    digits = [
        f for f in map(_from_digits, _NUMBER.finditer(text)) if f and not _inside(f, taken) and not _glued(text, f)
    ]
    words = list(_from_words(text))
    return sorted([*dates, *(_mark_less(text, f) for f in digits), *words], key=lambda f: f.start)


def _inside(found: Found, spans: list[tuple[int, int]]) -> bool:
    return any(start < found.end and found.start < end for start, end in spans)


def _glued(text: str, found: Found) -> bool:
    """Return whether letters or underscores follow at once, as in an identifier (``90d``); ``2x`` and ``3k`` are numbers."""
    return bool(re.match(r"[^\W\d]", text[found.end : found.end + 1]))


def _from_digits(match: re.Match[str]) -> Found | None:
    plain = match["digits"].replace(",", "")
    decimals = len(plain.partition(".")[2])
    scale = _SCALES[match["scale"].strip().lower()] if match["scale"] else 1.0
    scale *= 10.0 ** int(match["exponent"][1:]) if match["exponent"] else 1.0
    negative = (match["sign"] or match["inner"] or "") in {"-", "−"} and (match["sign"] or match["inner"]) is not None
    value = (-1 if negative else 1) * float(plain) * scale
    kind: Kind = "percent" if match["percent"] else "currency" if match["currency"] else "number"
    tolerance = 0.5 * 10.0**-decimals * scale
    return Found(
        match[0], value, tolerance, kind, match.start(), match.end(), signed=bool(match["sign"] or match["inner"])
    )


def _mark_less(text: str, found: Found) -> Found:
    before = text[: found.start]
    if re.search(r"(?:<|≤|below|under|less than)\s*$", before) and re.search(
        r"\bp\b[^.]{0,20}$|p[- ]?value[^.]{0,20}$", before
    ):
        return Found(found.text, found.value, found.tolerance, found.kind, found.start, found.end, less_than=True)
    return found


def _from_words(text: str) -> Iterator[Found]:
    for match in _WORD.finditer(text):
        word = match[0].lower()
        if word in _FRACTIONS and not _SHARE_OF.search(text[: match.start()]):
            continue  # "last quarter", "the third": time and order, not shares
        yield Found(match[0], _WORDS[word], 1e-9, "word", match.start(), match.end())
