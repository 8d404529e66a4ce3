"""What an answer calls columns, values and rows: the question's own words where it has some."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.composer.claims.told import Labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.model import Plan


_CALLED = {ColumnRole.TREATMENT, ColumnRole.OUTCOME}


def labels_of(plan: Plan, datasets: Sequence[Dataset], query: str = "") -> Labels:
    """Return the labels of the columns of some data sets; the longest phrase of the question wins.

    A cause or an outcome that the question does not name is called by the first of its synonyms: TRx, not trx.
    """
    columns = {c.name: c for d in datasets for c in d.columns}
    named = sorted((b for b in plan.bindings if not b.fuzzy), key=lambda b: len(b.phrase))
    names = {b.bound_to: b.phrase for b in named if b.bound_to in columns}
    called = {c.name: c.synonyms[0] for c in columns.values() if c.role in _CALLED and c.synonyms}
    flags = {c.name for c in columns.values() if c.kind == ColumnKind.BOOLEAN}
    return Labels(
        names=called
        | {c: phrase if c in flags else _plural(phrase, columns[c].synonyms) for c, phrase in names.items()},
        units={c.name: c.unit for c in columns.values() if c.unit},
        conditions={b.bound_to: b.phrase for b in named if b.bound_to not in columns},
        articles=frozenset(c for c in flags & set(names) if _definite(names[c], query)),
        rows=next((d.unit or "" for d in datasets if d.name == plan.dataset), ""),
    )


def _plural(phrase: str, synonyms: Sequence[str]) -> str:
    """Return the plural of a phrase whose plural is a name of the column too: ``calls`` for ``call``."""
    return f"{phrase}s" if f"{phrase}s".lower() in {s.lower() for s in synonyms} else phrase


def _definite(phrase: str, query: str) -> bool:
    return bool(re.search(rf"\bthe {re.escape(phrase)}\b", query, re.IGNORECASE)) and not phrase.endswith("s")


def verb_of(cause: str, verb: str) -> str:
    """Return the verb for a cause: ``copay cards raise``, ``training raises``."""
    several = cause.endswith("s") and not cause.endswith(("ss", "us", "is")) and " rather than " not in cause
    return verb if several else f"{verb}s"
