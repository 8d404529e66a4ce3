"""Binds a whole question to real data: chooses the data set, then passes cause, outcome and filters down the dependencies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from e2i_shared.api.classification import Domain
from e2i_shared.api.datasets import ColumnRole, Dataset
from e2i_shared.composer.binding import WITHOUT_DATA, Bound, KpiName, Names, bind
from e2i_shared.composer.criteria import all_conditions
from e2i_shared.composer.inherit import inherit
from e2i_shared.composer.intents import Intent, intent_of
from e2i_shared.composer.lexicon import build_lexicon
from e2i_shared.composer.mentions import read_text
from e2i_shared.composer.model import Binding, DetailedSubQuestion
from e2i_shared.composer.refusals import refuse_unknown_words
from e2i_shared.composer.scope import describe_filter, time_column
from e2i_shared.composer.words import is_common, key, tokenize
from e2i_shared.errors import UnknownDatasetError, UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Filter
    from e2i_shared.composer.lexicon import Lexicon
    from e2i_shared.composer.model import Decomposition


_ROLES = {
    Domain.CAUSAL: {ColumnRole.TREATMENT, ColumnRole.OUTCOME},
    Domain.SEGMENTATION: {ColumnRole.TREATMENT, ColumnRole.OUTCOME},
    Domain.GAP: {ColumnRole.OUTCOME},
    Domain.KPI: {ColumnRole.OUTCOME},
    Domain.PREDICTION: {ColumnRole.OUTCOME},
}


_ONE_ROW_EACH = {Intent.COHORT, Intent.RISK}  # best answered from data with one row for each entity

_OVER_TIME = {Intent.CHANGE, Intent.DRIFT, Intent.FORECAST}
_OF_ALL_DATA = {Intent.DRIFT, Intent.HEALTH}
_SHORTEST, _MOST_MEASURES = 2, 6
_NO_DATA = Dataset(dataset_id="", name="", version=0, rows=0, columns=[], created_at="")


@dataclass(frozen=True, slots=True)
class Attempt:
    """The sub-questions bound to one data set: what could be bound, and why the others could not."""

    lexicon: Lexicon
    bound: dict[str, Bound]
    failures: dict[str, UnprocessableError]

    @property
    def score(self) -> float:
        """Return how many phrases were bound; a sub-question that cannot be bound counts for none."""
        return sum(b.covered + len(b.treatments[:1]) + len(b.outcomes[:1]) + _serves(b) for b in self.bound.values())


def _serves(bound: Bound) -> float:
    """Return a small advantage for data that has the roles the question's kind needs."""
    roles = {c.role for c in bound.dataset.columns}
    if bound.intent in _ONE_ROW_EACH:
        learns = ColumnRole.OUTCOME in roles if bound.intent == Intent.RISK else bool(bound.covered)
        each = ColumnRole.ID in roles and ColumnRole.TIME not in roles
        return (1.25 if each else 0.5 * (bound.intent == Intent.RISK)) if learns else 0.0
    if bound.intent in _OVER_TIME:
        return 0.5 if bound.covered and time_column(bound.dataset) else 0.0
    needed = _ROLES.get(bound.question.domain, set())
    return 0.25 if bound.covered and needed <= roles else 0.0


@dataclass(frozen=True, slots=True)
class Grounding:
    """A question in terms of the data. ``failures`` are by sub-question."""

    dataset: Dataset
    bound: dict[str, Bound]
    failures: dict[str, UnprocessableError]
    filters: tuple[Filter, ...] = ()
    bindings: tuple[Binding, ...] = ()
    notes: tuple[str, ...] = field(default=())
    eligible: tuple[Dataset, ...] = ()


def ground(
    query: str,
    decomposition: Decomposition,
    datasets: Sequence[Dataset],
    dataset: str | None = None,
    kpis: Mapping[str, KpiName] | None = None,
) -> Grounding:
    """Bind every sub-question.

    Raises
    ------
    UnknownDatasetError
        No data set, none of that name, or several that fit the question equally well (named as candidates).
    UnknownColumnError, UnknownValueError
        Nothing of the question can be bound; the first failure, naming the phrase and the nearest candidates.
    """
    names = Names(tuple(d.name for d in datasets), kpis or {})
    if not datasets and all(intent_of(q.domain, q.text) in WITHOUT_DATA for q in decomposition.sub_questions):
        return Grounding(
            _NO_DATA, {q.id: Bound(q, intent_of(q.domain, q.text), _NO_DATA) for q in decomposition.sub_questions}, {}
        )
    eligible = _eligible(query, datasets, dataset)
    attempts = [_attempt(decomposition, d, names) for d in eligible]
    chosen = _choose(attempts, decomposition)
    whole, filters, found = _common_scope(query, decomposition, chosen.lexicon, names)
    bound, failures = _elsewhere(chosen, attempts, decomposition)
    bound = {q: replace(b, filters=_merge(b.filters, filters)) if b.dataset == whole else b for q, b in bound.items()}
    bound, failures = inherit(decomposition, bound, failures, _read_whole(query, chosen.lexicon, names))
    if failures and not bound:
        raise next(iter(failures.values()))
    bindings = dict.fromkeys((x.phrase, x.bound_to, x.dataset) for b in bound.values() for x in b.bindings)
    fuzzy = {(x.phrase, x.bound_to) for b in bound.values() for x in b.bindings if x.fuzzy}
    made = [Binding(phrase=p, bound_to=t, dataset=d, fuzzy=(p, t) in fuzzy) for p, t, d in bindings]
    notes = tuple(dict.fromkeys(n for b in bound.values() for n in b.notes))
    return Grounding(chosen.lexicon.dataset, bound, failures, filters, (*made, *found), notes, tuple(eligible))


def _eligible(query: str, datasets: Sequence[Dataset], dataset: str | None) -> Sequence[Dataset]:
    if not datasets:
        raise UnknownDatasetError(
            "There is no data yet to answer from.",
            field="dataset",
            hint="Load a data set (POST /datasets) or the sample (e2i sample).",
        )
    if dataset is None:
        return [d for d in datasets if _names_it(query, d.name)] or datasets
    found = [d for d in datasets if dataset in {d.name, d.dataset_id}]
    if not found:
        names = [d.name for d in datasets]
        raise UnknownDatasetError(
            f"There is no data set {dataset!r}. There are: {', '.join(names)}.",
            field="dataset",
            got=dataset,
            candidates=names,
        )
    return found


def _names_it(query: str, name: str) -> bool:
    spelled = re.escape(name)
    if re.search(rf"\b(?:data\s?set|table|data)\s+['\"]?{spelled}\b", query, re.IGNORECASE):
        return True
    return not is_common(name) and bool(re.search(rf"\b{spelled}\b", query, re.IGNORECASE))


def _attempt(decomposition: Decomposition, dataset: Dataset, names: Names) -> Attempt:
    lexicon = build_lexicon(dataset)
    bound: dict[str, Bound] = {}
    failures: dict[str, UnprocessableError] = {}
    for question in decomposition.sub_questions:
        try:
            bound[question.id] = bind(question, lexicon, names)
        except UnprocessableError as error:
            failures[question.id] = error
    return Attempt(lexicon, bound, failures)


def _partial_score(attempt: Attempt, questions: Sequence[DetailedSubQuestion]) -> float:
    failed = [q for q in questions if q.id in attempt.failures]
    return sum(len(read_text(q.text, attempt.lexicon, q.entities).mentions) for q in failed)


def _choose(attempts: Sequence[Attempt], decomposition: Decomposition) -> Attempt:
    questions = decomposition.sub_questions

    def fit(attempt: Attempt) -> float:
        return attempt.score + 0.5 * _partial_score(attempt, questions)

    best = max(fit(a) for a in attempts)
    tied = [a for a in attempts if fit(a) == best]
    finest = [a for a in tied if all(_is_finer(a.lexicon.dataset, b.lexicon.dataset) for b in tied if b is not a)]
    needs_data = any(_needs_data(b) for a in attempts for b in a.bound.values())
    if not needs_data or (len(finest) == 1 and best > 0):
        return (finest or tied)[0]
    if best > 0 and len(named := _naming_a_measure(tied, questions)) == 1:
        return named[0]
    raise _undecided([a.lexicon.dataset for a in tied], known=best > 0)


def _naming_a_measure(tied: Sequence[Attempt], questions: Sequence[DetailedSubQuestion]) -> list[Attempt]:
    """Return those of the tied in which most words are part of the name of a treatment or an outcome."""
    words = {t.stem for q in questions for t in tokenize(q.text) if len(t.stem) > _SHORTEST}

    def named(attempt: Attempt) -> int:
        columns = {t.column for w in words for t in attempt.lexicon.partial(w)}
        return sum(
            c.role in {ColumnRole.TREATMENT, ColumnRole.OUTCOME} and c.name in columns
            for c in attempt.lexicon.dataset.columns
        )

    most = max(map(named, tied))
    return [a for a in tied if named(a) == most]


def _undecided(tied: Sequence[Dataset], *, known: bool) -> UnknownDatasetError:
    """Return the error that asks which data set is meant, or for a measure where the question names nothing of any."""
    names = [d.name for d in tied]
    if known:
        text = (
            f"Several data sets fit the question equally well: {', '.join(f'{d.name} ({_holds(d)})' for d in tied)}. "
            f'Say which one is meant, for example by adding "in data set {names[0]}", or name a measure.'
        )
    else:
        text = (
            f"None of the data sets knows a word of the question: {', '.join(names)}. "
            f"Name a measure: {', '.join(_measures(tied))}; or say which data set is meant."
        )
    return UnknownDatasetError(text, field="dataset", candidates=names, hint="Pass dataset.")


def _holds(dataset: Dataset) -> str:
    return f"{dataset.rows:,} rows; {', '.join(_measures([dataset])) or 'no measures'}"


def _measures(datasets: Sequence[Dataset]) -> list[str]:
    found = [c.name for d in datasets for c in d.columns if c.role == ColumnRole.OUTCOME]
    return list(dict.fromkeys(found))[:_MOST_MEASURES]


def _needs_data(bound: Bound) -> bool:
    """Return whether a data set must be chosen; "is the data healthy", "has anything drifted" that name nothing mean all of them."""
    return bound.intent not in WITHOUT_DATA and not (bound.intent in _OF_ALL_DATA and not bound.covered)


def _is_finer(dataset: Dataset, other: Dataset) -> bool:
    """Return whether ``other`` looks like an aggregate of ``dataset``: its ids are among ours, and we have more ids and rows."""
    ids, others = (
        {c.name for c in d.columns if c.role in {ColumnRole.ID, ColumnRole.CLUSTER}} for d in (dataset, other)
    )
    return bool(others) and others < ids and dataset.rows > other.rows


def _elsewhere(
    chosen: Attempt, attempts: Sequence[Attempt], decomposition: Decomposition
) -> tuple[dict[str, Bound], dict[str, UnprocessableError]]:
    """Bind what the chosen data set cannot, or clearly not as well, to the one other data set that can."""
    bound, failures = dict(chosen.bound), dict(chosen.failures)
    for question in decomposition.sub_questions:
        own = bound.get(question.id)
        options = [b for a in attempts if a is not chosen and (b := a.bound.get(question.id)) and b.covered]
        options = options if own is None else [b for b in options if _says_more(b, own, decomposition)]
        options.sort(key=lambda b: -b.covered)
        if options and (len(options) == 1 or options[0].covered > options[1].covered):
            bound[question.id] = options[0]
            failures.pop(question.id, None)
    return bound, failures


def _says_more(other: Bound, own: Bound, decomposition: Decomposition) -> bool:
    """Return whether a sub-question that stands on its own names a measure that only the other data set knows."""
    alone = not any(d.to == own.question.id for d in decomposition.dependencies)
    measures = other.measures and not set(other.measures) <= {c.name for c in own.dataset.columns}
    return alone and bool(measures) and own.intent in {Intent.GAP, Intent.KPI} and other.covered > own.covered


def _common_scope(
    query: str, decomposition: Decomposition, lexicon: Lexicon, names: Names
) -> tuple[Dataset, tuple[Filter, ...], tuple[Binding, ...]]:
    """Return the filters of the words that stand in no sub-question ("For Kisqali in the Northeast: …")."""
    dataset, texts = lexicon.dataset, [q.text.lower() for q in decomposition.sub_questions]
    reading = read_text(query, lexicon)
    known = {key(n) for n in names.datasets}
    outside = [t for t in reading.unknown if t.stem not in known and not any(t.text.lower() in x for x in texts)]
    refuse_unknown_words(replace(reading, unknown=tuple(outside)), dataset, [])
    found = [c for c in all_conditions(reading, dataset) if not any(c.used[0].phrase.lower() in x for x in texts)]
    filters = [c.filter for c in found]
    bindings = [
        Binding(phrase=c.phrase, bound_to=describe_filter(c.filter), dataset=dataset.name, fuzzy=c.fuzzy) for c in found
    ]
    return dataset, tuple(filters), tuple(bindings)


def _read_whole(query: str, lexicon: Lexicon, names: Names) -> Bound | None:
    """Bind the whole text as one causal question: what a sub-question leaves out may stand in no sub-question."""
    try:
        return bind(DetailedSubQuestion(id="Q0", text=query, domain=Domain.CAUSAL), lexicon, names)
    except UnprocessableError:
        return None


def _merge(own: Sequence[Filter], common: Sequence[Filter]) -> tuple[Filter, ...]:
    mine = {f.column for f in own}
    return (*own, *(f for f in common if f.column not in mine))
