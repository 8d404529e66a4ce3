"""Errors for what a question names and the data does not hold, each with the nearest candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnRole
from e2i_shared.composer.lexicon import nearest_columns, nearest_values
from e2i_shared.composer.mentions import must_bind, stands_as_place
from e2i_shared.composer.slots import core_phrase
from e2i_shared.composer.words import is_common, tokenize
from e2i_shared.errors import UnknownColumnError, UnknownValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.mentions import Mention, Reading
    from e2i_shared.composer.slots import Slots


def refuse_unknown_words(reading: Reading, dataset: Dataset, filtered: Sequence[str]) -> None:
    """Raise for the first word that must be bound and is not; ``filtered`` columns are not offered again."""
    for token in must_bind(reading):
        if token.identifier or not (token.capitalised or stands_as_place(token, reading)):
            raise unknown_column(token.text, dataset)
        raise unknown_value(token.text, dataset, filtered, _read_as(reading))


def refuse_empty_slots(reading: Reading, slots: Slots, dataset: Dataset, bound: Sequence[Mention]) -> None:
    """Raise when the text names a cause or an effect in words the data set does not know."""
    named = [*reading.mentions, *bound]
    for span, role in ((slots.cause, ColumnRole.TREATMENT), (slots.effect, ColumnRole.OUTCOME)):
        if span is None or any(span[0] <= m.start < span[1] for m in named):
            continue
        phrase = core_phrase(reading.text, span)
        if any(not is_common(t.text) and not t.text.isdigit() for t in tokenize(phrase)):
            raise unknown_column(phrase, dataset, role)


def _read_as(reading: Reading) -> str:
    guesses = [f"{m.phrase!r} was read as {m.value or m.column}" for m in reading.mentions if m.fuzzy]
    return f" ({'; '.join(guesses)}.)" if guesses else ""


def unknown_value(word: str, dataset: Dataset, filtered: Sequence[str] = (), remark: str = "") -> UnknownValueError:
    """Return the error for a name that is no value or column."""
    candidates = nearest_values(word, dataset, filtered) or nearest_columns(word, dataset)
    return UnknownValueError(
        f"Nothing in data set {dataset.name} is called {word!r}. Known there: {', '.join(candidates)}.{remark}",
        field="query",
        expected=f"a value or column of {dataset.name}",
        got=word,
        candidates=candidates,
        hint=f"GET /datasets/{dataset.name} lists columns, synonyms and values; synonyms can be added to a column.",
    )


def unknown_column(phrase: str, dataset: Dataset, role: ColumnRole | None = None) -> UnknownColumnError:
    """Return the error for a phrase that names no column."""
    candidates = nearest_columns(phrase, dataset, [role] if role else [])
    what = f"{role.value} column" if role else "column"
    return UnknownColumnError(
        f"No {what} of data set {dataset.name} is called {phrase!r}. Nearest: {', '.join(candidates)}.",
        field="query",
        expected=f"a {what} of {dataset.name}",
        got=phrase,
        candidates=candidates,
        hint=f"Use a column's name or synonym, or add {phrase!r} to a column's synonyms.",
    )


def unnamed_column(role: ColumnRole, dataset: Dataset) -> UnknownColumnError:
    """Return the error for a question that needs a cause or an outcome and names none."""
    candidates = nearest_columns("", dataset, [role])
    return UnknownColumnError(
        f"The question does not say which {role.value} is meant. Columns of {dataset.name}: {', '.join(candidates)}.",
        field="query",
        expected=f"a {role.value} column of {dataset.name}",
        got="nothing",
        candidates=candidates,
        hint=f"Name the {role.value} in the question.",
    )
