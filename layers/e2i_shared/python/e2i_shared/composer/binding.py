"""Binds one sub-question to one data set: cause, effect, measure, splits and filters; refuses what it cannot bind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from e2i_shared.api.classification import Domain
from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.composer.criteria import all_conditions, quality_conditions
from e2i_shared.composer.dimensions import compared_values, split_columns
from e2i_shared.composer.intents import Intent, intent_of
from e2i_shared.composer.mentions import Mention, must_bind, read_text, without_counted
from e2i_shared.composer.model import Binding
from e2i_shared.composer.newest import newest
from e2i_shared.composer.refusals import refuse_empty_slots, refuse_unknown_words
from e2i_shared.composer.scope import (
    describe_filter,
    extreme_conditions,
    period_filters,
    time_column,
    vague_conditions,
)
from e2i_shared.composer.slots import Slots, causal_slots, core_phrase
from e2i_shared.composer.words import is_common, key, tokenize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_shared.api.common import Filter
    from e2i_shared.api.datasets import Dataset
    from e2i_shared.composer.lexicon import Lexicon
    from e2i_shared.composer.mentions import Reading
    from e2i_shared.composer.model import DetailedSubQuestion
    from e2i_shared.composer.scope import Condition

_COUNTS = re.compile(
    r"^\W*(?:how many|(?:what is |show )?(?:the )?(?:number|count) of)\s+(?:of our |of the )?(?:patients|hcps|doctors|physicians|prescribers|people)\b",
    re.IGNORECASE,
)
_SHARE = re.compile(r"\b(?:percent\w*|%|shares?|proportion|fraction|rates?|averages?|means?|medians?)\b", re.IGNORECASE)
_MEASURED = {ColumnKind.NUMBER, ColumnKind.INTEGER, ColumnKind.BOOLEAN}
_NOT_MEASURES = {ColumnRole.ID, ColumnRole.TIME, ColumnRole.CLUSTER, ColumnRole.IGNORE}
_WITHOUT_SLOTS = {Intent.CHANGE, Intent.DRIVERS, Intent.POLICY, Intent.SIMULATION}
WITHOUT_DATA = {Intent.EXPLANATION, Intent.BOUNDARIES}
_OF_KPIS = {Intent.FORECAST, Intent.HEALTH}
_COMPARES_PERIODS = {Intent.CHANGE, Intent.DRIFT}
_CAUSAL_DOMAINS = {Domain.CAUSAL, Domain.SEGMENTATION, Domain.EXPERIMENT}


@dataclass(frozen=True, slots=True)
class KpiName:
    """A KPI of the KPI catalogue: its name, and for each of its definitions the columns it needs."""

    name: str
    columns: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Names:
    """What questions may name beside columns and values: data sets, and KPIs by the key of each phrase."""

    datasets: tuple[str, ...] = ()
    kpis: Mapping[str, KpiName] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bound:
    """A sub-question in terms of one data set. Tuples are in the order of mention; empty where the text does not say."""

    question: DetailedSubQuestion
    intent: Intent
    dataset: Dataset
    treatments: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()  # every column named outside a condition
    kpi: str | None = None
    splits: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    bindings: tuple[Binding, ...] = ()
    notes: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()  # sub-questions whose answers this one needs
    covered: float = field(default=0.0, compare=False)  # how much of the text was bound


_PRONOUNS = {"they", "that", "this", "those", "these", "what", "it", "them"}
_NO_NAMES = Names()


def bind(question: DetailedSubQuestion, lexicon: Lexicon, names: Names = _NO_NAMES) -> Bound:
    """Bind a sub-question; raise UnknownColumnError or UnknownValueError naming the phrase and the nearest candidates."""
    intent = intent_of(question.domain, question.text)
    if intent in WITHOUT_DATA:
        return Bound(question, intent, lexicon.dataset)
    periods, moved = ([], ()) if _forward(question) else newest(question.periods, lexicon.dataset)
    question = question.model_copy(update={"periods": periods or question.periods})
    reading = read_text(question.text, lexicon, question.entities)
    reading = without_counted(reading) if question.domain == Domain.EXPERIMENT else reading
    by_name = question.domain == Domain.KPI or intent in _OF_KPIS
    kpi = find_kpi(reading, lexicon.dataset, names) if by_name else None
    reading = without_named(reading, question, names, kpi)
    dataset = lexicon.dataset
    found, splits, free = _roles(reading, question, intent, dataset)
    causal = question.domain in _CAUSAL_DOMAINS and intent not in _WITHOUT_SLOTS
    slots = causal_slots(question.text) if causal else Slots()
    causes, effects = _causes_and_effects(question, slots, _variables(free, dataset), lexicon)
    found, splits = compared_values(question, found, splits)
    partial = [m for m in (*causes, *effects) if m not in reading.mentions]
    reading = replace(
        reading, unknown=tuple(t for t in reading.unknown if not any(m.start <= t.start < m.end for m in partial))
    )
    refuse_empty_slots(reading, slots, dataset, partial)
    refuse_unknown_words(reading, dataset, [c.filter.column for c in found])
    if intent == Intent.ROI:
        causes = _of_role(free, ColumnRole.TREATMENT, dataset)
    measures = _measures([m for m in free if m not in causes], dataset)
    filters = [c.filter for c in found]
    dated = [] if _forward(question) else period_filters(question.periods, dataset)
    filters += [] if intent in _COMPARES_PERIODS else dated
    bound = [*causes, *effects, *measures, *splits]
    return Bound(
        question=question,
        intent=intent,
        dataset=dataset,
        treatments=_names(causes),
        outcomes=_names(effects),
        measures=_names(measures),
        mentioned=_names([*splits, *free]),
        kpi=kpi[0].name if kpi else None,
        splits=_names(splits),
        filters=tuple(filters),
        bindings=(
            *_column_bindings(bound, dataset),
            *_filter_bindings(found, dataset),
            *_period_bindings(question, dataset, filters),
        ),
        notes=(*moved, *_notes(reading, found, vague_conditions(reading, dataset))),
        covered=_covered(reading) + (1.5 if kpi else 0),
    )


def find_kpi(reading: Reading, dataset: Dataset, names: Names) -> tuple[KpiName, int, int] | None:
    """Return the longest KPI phrase the data set has the columns for, with its place; None when a column says more."""
    found = []
    for size in range(5, 0, -1):
        for i in range(len(reading.tokens) - size + 1):
            group = reading.tokens[i : i + size]
            kpi = names.kpis.get("".join(t.stem for t in group))
            if kpi and any(all(dataset.column(c) for c in need) for need in kpi.columns):
                found.append((kpi, group[0].start, group[-1].end))
    if (
        not found
        or any(_says_as_much(m, found[0]) for m in reading.mentions)
        or _only_counted(found[0], reading, dataset)
    ):
        return None
    return found[0]


def _only_counted(found: tuple[KpiName, int, int], reading: Reading, dataset: Dataset) -> bool:
    """Return whether the phrase only says whose share or average is meant: "percent of patients who discontinue"."""
    of_whom = any(
        (c := dataset.column(m.column)) and c.role == ColumnRole.ID and m.start < found[2] and found[1] < m.end
        for m in reading.columns
    )
    rest = [m for m in reading.columns if not found[1] <= m.start < found[2]]
    return of_whom and bool(_SHARE.search(reading.text)) and bool(_measures(rest, dataset))


def _says_as_much(mention: Mention, found: tuple[KpiName, int, int]) -> bool:
    """Return whether a column's mention holds the KPI's phrase and more, or is the KPI's own column."""
    kpi, start, end = found
    covers = mention.value is None and mention.start <= start and end <= mention.end
    return covers and (mention.end - mention.start > end - start or mention.column == kpi.name)


def without_named(
    reading: Reading, question: DetailedSubQuestion, names: Names, kpi: tuple[KpiName, int, int] | None
) -> Reading:
    """Return the reading without unknown words that name a data set or a period, and without columns inside a KPI's name."""
    known = {key(name) for name in names.datasets}
    start, end = (kpi[1], kpi[2]) if kpi else (0, 0)
    unknown = (t for t in reading.unknown if t.stem not in known and not start <= t.start < end)
    kept = tuple(t for t in unknown if not any(t.text.lower() in p.text.lower() for p in question.periods))
    return replace(
        reading, unknown=kept, mentions=tuple(m for m in reading.mentions if not start <= m.start < end or m.value)
    )


def _roles(
    reading: Reading, question: DetailedSubQuestion, intent: Intent, dataset: Dataset
) -> tuple[list[Condition], list[Mention], list[Mention]]:
    """Return the conditions of a text, the columns it splits by, and the columns left over."""
    found = all_conditions(reading, dataset)
    found += extreme_conditions(reading, dataset) if question.domain != Domain.GAP else []
    counts = question.domain == Domain.KPI and bool(_COUNTS.search(question.text))
    found += _qualities(reading, dataset, found) if intent == Intent.COHORT or counts else []
    spoken_for = {m for c in found for m in c.used}
    splits = [m for m in split_columns(reading) if m not in spoken_for and not _is_lever(m, question, dataset)]
    splits = [] if intent == Intent.ROI else splits  # "at $50 per call" is a price, not a split by calls
    return found, splits, [m for m in reading.columns if m not in spoken_for and m not in splits]


def _qualities(reading: Reading, dataset: Dataset, found: Sequence[Condition]) -> list[Condition]:
    """Return the yes/no criteria of a cohort that no other condition covers."""
    taken = {c.filter.column for c in found}
    return [c for c in quality_conditions(reading, dataset) if c.filter.column not in taken]


def _forward(question: DetailedSubQuestion) -> bool:
    return question.domain in {Domain.PREDICTION, Domain.EXPERIMENT}


def _covered(reading: Reading) -> float:
    """Return the number of bound phrases; ordinary words count half, and the longer of two readings wins a tie."""
    counted = [m for m in reading.mentions if not (m.weak and m.value)]
    return sum(1 - 0.5 * m.weak + 0.001 * (m.end - m.start) for m in counted)


def _names(mentions: Sequence[Mention]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(m.column for m in mentions))


def _is_lever(mention: Mention, question: DetailedSubQuestion, dataset: Dataset) -> bool:
    """Return whether a column is what the question is about, not a split: "the link between calls and scripts", "the worst adherence"."""
    column = dataset.column(mention.column)
    levers = {
        Domain.CAUSAL: {ColumnRole.TREATMENT, ColumnRole.OUTCOME},
        Domain.KPI: {ColumnRole.OUTCOME},
    }.get(question.domain, set())
    return column is not None and column.role in levers


def _variables(mentions: Sequence[Mention], dataset: Dataset) -> list[Mention]:
    """Return the mentions of columns that can be a cause or an effect: no ids, dates, clusters."""
    return [m for m in mentions if (c := dataset.column(m.column)) and c.role not in _NOT_MEASURES]


def _causes_and_effects(
    question: DetailedSubQuestion, slots: Slots, free: Sequence[Mention], lexicon: Lexicon
) -> tuple[list[Mention], list[Mention]]:
    if question.domain not in _CAUSAL_DOMAINS:
        return [], []
    causes = _in_slot(slots.cause, free, ColumnRole.TREATMENT, question.text, lexicon)
    effects = [m for m in _in_slot(slots.effect, free, ColumnRole.OUTCOME, question.text, lexicon) if m not in causes]
    rest = [m for m in free if m.column not in {x.column for x in (*causes, *effects)}]
    causes = causes or _of_role(rest, ColumnRole.TREATMENT, lexicon.dataset)
    effects = effects or _of_role(rest, ColumnRole.OUTCOME, lexicon.dataset)
    return causes, effects


def _of_role(mentions: Sequence[Mention], role: ColumnRole, dataset: Dataset) -> list[Mention]:
    return [m for m in mentions if (c := dataset.column(m.column)) and c.role == role]


def _in_slot(
    span: tuple[int, int] | None, free: Sequence[Mention], role: ColumnRole, text: str, lexicon: Lexicon
) -> list[Mention]:
    """Return the columns a slot names: those of the role, else the first and what is joined to it, else a part of a name."""
    if span is None:
        return []
    inside = [m for m in free if span[0] <= m.start and m.end <= span[1]]
    opposite = {ColumnRole.TREATMENT: ColumnRole.OUTCOME, ColumnRole.OUTCOME: ColumnRole.TREATMENT}[role]
    by_role = _of_role(inside, role, lexicon.dataset)
    if by_role or not inside:
        return by_role or _partial(span, text, lexicon)
    other = set(_of_role(inside, opposite, lexicon.dataset))
    if role == ColumnRole.OUTCOME:
        return [m for m in inside if m not in other][:1] or inside[:1]
    kept = [m for m in inside if m not in other] or inside
    joined = [m for a, m in pairwise(kept) if re.fullmatch(r"\s*(?:,|and|or|&)\s*", text[a.end : m.start])]
    return [kept[0], *joined]


def _partial(span: tuple[int, int], text: str, lexicon: Lexicon) -> list[Mention]:
    """Return the one column whose name holds a word of the phrase, if no word of it says otherwise."""
    tokens = [t for t in tokenize(core_phrase(text, span)) if t.text.lower() not in _PRONOUNS]
    found = [(t, lexicon.partial(t.stem)) for t in tokens]
    hits = [(t, targets) for t, targets in found if targets]
    strangers = [t for t, targets in found if not targets and not is_common(t.text)]
    columns = {target.column for _, targets in hits for target in targets}
    column = lexicon.dataset.column(next(iter(columns))) if len(columns) == 1 else None
    if column is None or strangers or column.role in _NOT_MEASURES | {ColumnRole.SEGMENT}:
        return []
    word = hits[0][0].text
    start = text.find(word, span[0])
    return [Mention(word, start, start + len(word), tuple(hits[0][1]), fuzzy=True)]


def _measures(mentions: Sequence[Mention], dataset: Dataset) -> list[Mention]:
    usable = [
        m for m in mentions if (c := dataset.column(m.column)) and c.kind in _MEASURED and c.role not in _NOT_MEASURES
    ]
    strong = [m for m in usable if not m.weak]
    return _of_role(usable, ColumnRole.OUTCOME, dataset) or strong or usable


def _column_bindings(mentions: Sequence[Mention], dataset: Dataset) -> list[Binding]:
    unique = {(m.phrase, m.column): m for m in mentions if m.value is None}
    return [Binding(phrase=p, bound_to=c, dataset=dataset.name, fuzzy=m.fuzzy) for (p, c), m in unique.items()]


def _filter_bindings(found: Sequence[Condition], dataset: Dataset) -> list[Binding]:
    return [
        Binding(phrase=c.phrase, bound_to=describe_filter(c.filter), dataset=dataset.name, fuzzy=c.fuzzy) for c in found
    ]


def _period_bindings(question: DetailedSubQuestion, dataset: Dataset, filters: Sequence[Filter]) -> list[Binding]:
    column = time_column(dataset)
    if column is None or not any(f.column == column.name for f in filters):
        return []
    return [
        Binding(phrase=p.text, bound_to=f"{p.start} ≤ {column.name} < {p.end}", dataset=dataset.name)
        for p in question.periods
    ]


def _notes(reading: Reading, found: Sequence[Condition], vague: Sequence[str]) -> tuple[str, ...]:
    essential, used = must_bind(reading), {t.text for c in found for t in tokenize(c.phrase)}
    ignored = [t.text for t in reading.unknown if t not in essential and t.text not in used]
    return (
        *((f"Not used, because the data set knows no such word: {', '.join(ignored)}.",) if ignored else ()),
        *(f"Not used, because it says no bounds: {phrase!r}. Write for example 'decile 8 to 10'." for phrase in vague),
    )
