"""What a column is for, and what users may call it, guessed from its name and profile; always open to correction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.datasets.infer import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.datasets import Column, ColumnSpec, ColumnStatistics

_TREATMENT: Final = frozenset(
    {"treat", "treated", "treatment", "intervention", "exposure", "exposed", "visits", "calls", "campaign", "email", "emails",
     "samples", "program", "programme", "promo", "promotion", "training", "copay", "support", "discount", "voucher", "engagement"}
)  # fmt: skip
_OUTCOME: Final = frozenset(
    {"trx", "nrx", "outcome", "response", "sales", "revenue", "adherence", "pdc", "discontinued", "churn", "churned", "conversion",
     "converted", "earnings", "profit", "gain", "change", "survival", "readmission", "readmitted"}
)  # fmt: skip
_BEFORE: Final = frozenset({"baseline", "pre", "prior", "previous", "initial", "target", "lag", "before"})
_SEGMENT: Final = frozenset({"segment", "tier", "decile", "quintile", "quartile", "grade", "class", "band", "group"})
_SPOKEN: Final = {
    "trx": ["total prescriptions", "prescriptions", "scripts"],
    "nrx": ["new prescriptions"],
    "hcp": ["prescriber", "physician"],
    "pdc": ["proportion of days covered", "adherence"],
    "pct": ["percent"],
    "yrs": ["years"],
    "qty": ["quantity"],
    "avg": ["average"],
    "num": ["number"],
}
_BY_KIND: Final = {
    ColumnKind.DATE: ColumnRole.TIME,
    ColumnKind.DATETIME: ColumnRole.TIME,
    ColumnKind.CATEGORY: ColumnRole.SEGMENT,
    ColumnKind.TEXT: ColumnRole.IGNORE,
}
_FEW_LEVELS: Final = 50


def guess_roles(
    names: Sequence[str], kinds: Sequence[ColumnKind], statistics: Sequence[ColumnStatistics], rows: int
) -> list[ColumnRole]:
    """Return one role per column; at most one time column and one cluster are guessed."""
    roles: list[ColumnRole] = []
    for name, kind, profile in zip(names, kinds, statistics, strict=True):
        role = _guess(name, kind, profile, rows)
        if role in (ColumnRole.TIME, ColumnRole.CLUSTER) and role in roles:
            role = ColumnRole.IGNORE if role is ColumnRole.TIME else ColumnRole.ID
        roles.append(role)
    return roles


def guess_synonyms(name: str) -> list[str]:
    """Return how a column may be spoken of: its words apart, and long forms of known abbreviations."""
    parts = words(name)
    spoken = " ".join(parts)
    readable = any(part.isalpha() and len(part) > 2 for part in parts)
    found = [spoken] if readable and spoken != name.lower() else []
    for position, part in enumerate(parts):
        found += [" ".join([*parts[:position], long, *parts[position + 1 :]]) for long in _SPOKEN.get(part, [])]
    return found


def join_synonyms(name: str, said: ColumnSpec | None, before: Column | None = None) -> list[str]:
    """Return what the user says now with the name's words apart, else what was said of the version before, else guesses."""
    if said is not None and said.synonyms is not None:
        return list(dict.fromkeys([*said.synonyms, *guess_synonyms(name)[:1]]))
    return before.synonyms if before else guess_synonyms(name)


def _guess(name: str, kind: ColumnKind, profile: ColumnStatistics, rows: int) -> ColumnRole:
    if profile.distinct <= 1:
        return ColumnRole.IGNORE
    if kind is ColumnKind.ID:
        return ColumnRole.ID if profile.distinct + profile.missing >= rows else ColumnRole.CLUSTER
    return _BY_KIND[kind] if kind in _BY_KIND else _guess_number(set(words(name)), profile)


def _guess_number(found: set[str], profile: ColumnStatistics) -> ColumnRole:
    if found & _BEFORE:
        return ColumnRole.COVARIATE
    if found & _OUTCOME:
        return ColumnRole.OUTCOME
    if found & _TREATMENT:
        return ColumnRole.TREATMENT
    return ColumnRole.SEGMENT if found & _SEGMENT and profile.distinct <= _FEW_LEVELS else ColumnRole.COVARIATE
