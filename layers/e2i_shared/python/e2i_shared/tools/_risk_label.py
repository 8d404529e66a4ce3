"""Which column says that an event happened, and which may predict it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_shared.api.datasets import ColumnKind, ColumnRole
from e2i_shared.errors import UnprocessableError
from e2i_shared.tools._columns import DATE_KINDS, NUMERIC_KINDS, match_column, numeric_column, plain

if TYPE_CHECKING:
    from e2i_shared.api.datasets import Column, Dataset
    from e2i_shared.tools.risk_scorer import Params

WORDS = {
    "discontinuation": ("discontinu", "stopped therapy", "drop off", "dropped out"),
    "churn": ("churn", "lapsed", "attrition", "defected"),
    "adverse_event": ("adverse", "side effect", "safety event"),
    "non_adherence": ("non adher", "nonadher", "not adherent"),
}
_ADHERENCE = ("adherence", "pdc", "proportion of days covered", "mpr", "medication possession")
PREDICTIVE = frozenset({ColumnRole.COVARIATE, ColumnRole.SEGMENT, ColumnRole.TREATMENT})
_IDENTIFYING = frozenset({ColumnKind.ID, ColumnKind.TEXT})


@dataclass(frozen=True, slots=True)
class Label:
    """The event: ``column`` beyond a bound, or true where neither is given; ``text`` says it."""

    column: Column
    below: float | None
    above: float | None
    text: str
    notes: tuple[str, ...] = ()


def find_label(params: Params, dataset: Dataset) -> Label | None:
    """Return the event's column, by the request or by name; None where no column tells it.

    Raises UnprocessableError for a column without two sides, or of another horizon.
    """
    column = _column(params, dataset)
    if column is None:
        return None
    _check_horizon(params, column)
    bounds = params.event_below, params.event_above
    if bounds == (None, None):
        bounds = _usual(params, column)
    if None not in bounds:
        raise UnprocessableError(
            "An event lies below a value or above one, not both.",
            field="event_below",
            got=f"{bounds[0]} and {bounds[1]}",
        )
    below, above = bounds
    words = (
        f"{column.name} < {below:g}"
        if below is not None
        else f"{column.name} > {above:g}"
        if above is not None
        else f"{column.name} is true"
    )
    notes = () if _days(column) else (f"{column.name} does not say within how many days: its own horizon is taken.",)
    return Label(column, below, above, words, notes)


def no_label(params: Params, dataset: Dataset) -> UnprocessableError:
    """Return the refusal where nothing tells who had the event."""
    what = params.risk_type.replace("_", " ")
    return UnprocessableError(
        f"Nothing in data set {dataset.name!r} says who had the event: no true/false or numeric column is named for {what}.",
        field="outcome_col",
        expected=f"a column for {what}" + (", or dated rows with an activity" if params.risk_type == "churn" else ""),
        got=dataset.name,
        candidates=[c.name for c in dataset.columns if c.role is ColumnRole.OUTCOME],
        hint="Name it in outcome_col (with event_below or event_above for a measurement), or choose another data set.",
    )


def entity_column(params: Params, dataset: Dataset) -> Column:
    """Return the column that names the entities; raise UnprocessableError with those that could."""
    wanted = plain(params.entity_type)
    named = [
        c
        for c in dataset.columns
        if wanted in {plain(c.name), plain(c.name).removesuffix(" id"), *map(plain, c.synonyms)}
    ]
    fit = [c for c in named if c.kind in _IDENTIFYING | {ColumnKind.CATEGORY}]
    if not fit:
        raise UnprocessableError(
            f"Data set {dataset.name!r} has no column that names each {params.entity_type}.",
            field="entity_type",
            expected="an entity of the data set",
            got=params.entity_type,
            candidates=[c.name for c in dataset.columns if c.role in {ColumnRole.ID, ColumnRole.CLUSTER}],
        )
    return fit[0]


def choose_predictors(
    params: Params, dataset: Dataset, label: Column, taken: set[str]
) -> tuple[list[str], dict[str, str]]:
    """Return the predictors, and why other columns are left out; raise UnprocessableError for one that gives the outcome away."""
    if params.predictors is not None:
        return _named(params.predictors, dataset, label, taken), {}
    chosen, excluded = [], {}
    for column in dataset.columns:
        if column.name in taken or column.name == label.name:
            continue
        if column.role is ColumnRole.OUTCOME:
            excluded[column.name] = "an outcome: known only after the event could have happened"
        elif column.role in PREDICTIVE and column.kind not in _IDENTIFYING:
            chosen.append(column.name)
        elif column.kind in DATE_KINDS:
            excluded[column.name] = "a date: risks of later dates would be guesses"
        else:
            excluded[column.name] = (
                "identifies rows" if column.kind in _IDENTIFYING else f"its role is {column.role.value}"
            )
    if not chosen:
        raise UnprocessableError(
            f"Data set {dataset.name!r} has no covariate, segment or treatment to predict from.",
            field="predictors",
            expected="columns known before the event",
            got="none",
            candidates=list(excluded)[:10],
        )
    return chosen, excluded


def _named(names: list[str], dataset: Dataset, label: Column, taken: set[str]) -> list[str]:
    found = list({c.name: c for c in (match_column(dataset, name) for name in names)}.values())
    for column in found:
        why = None
        if column.name == label.name:
            why = "is the event itself"
        elif column.role is ColumnRole.OUTCOME:
            why = "is an outcome, known only after the event could have happened"
        elif column.name in taken or column.kind in _IDENTIFYING:
            why = "identifies rows"
        if why:
            raise UnprocessableError(
                f"{column.name!r} {why}: it cannot be a predictor.",
                field="predictors",
                expected="columns known before the event",
                got=column.name,
                hint="Leave it out, or correct its role if it is known beforehand.",
            )
    return [column.name for column in found]


def _column(params: Params, dataset: Dataset) -> Column | None:
    if params.outcome_col is not None:
        return numeric_column(dataset, params.outcome_col, "outcome_col")
    fit = [
        c
        for c in dataset.columns
        if c.kind in NUMERIC_KINDS and c.role not in {ColumnRole.TREATMENT, ColumnRole.IGNORE}
    ]
    found = [c for c in fit if _speaks(c, WORDS[params.risk_type])]
    if not found and params.risk_type == "non_adherence":
        found = [c for c in fit if c.role is ColumnRole.OUTCOME and _speaks(c, _ADHERENCE)]
    found.sort(key=lambda c: (_days(c) not in {None, params.time_horizon_days}, c.role is not ColumnRole.OUTCOME))
    return next(iter(found), None)


def _speaks(column: Column, words: tuple[str, ...]) -> bool:
    spoken = " | ".join(map(plain, (column.name, *column.synonyms)))
    return any(word in spoken for word in words)


def _days(column: Column) -> int | None:
    """Return the horizon that a column's name says: discontinued_90d, churn_30_days."""
    match = re.search(r"(?<!\d)(\d{1,4})[ _]?d(ays?)?(?![a-z])", column.name.lower())
    return int(match.group(1)) if match else None


def _check_horizon(params: Params, column: Column) -> None:
    days = _days(column)
    if days is not None and days != params.time_horizon_days:
        raise UnprocessableError(
            f"{column.name!r} counts events within {days} days; {params.time_horizon_days} were asked for.",
            field="time_horizon_days",
            expected=str(days),
            got=str(params.time_horizon_days),
            hint=f"Ask for {days} days, or name a column of the other horizon in outcome_col.",
        )


def _usual(params: Params, column: Column) -> tuple[float | None, float | None]:
    """Return the usual bounds of an event in a column: none for 0/1, below 0.8 for adherence, above 0 for a count of events."""
    profile = column.statistics
    if column.kind is ColumnKind.BOOLEAN or (profile.distinct == 2 and (profile.minimum, profile.maximum) == (0, 1)):
        return None, None
    if params.risk_type == "non_adherence" and _speaks(column, _ADHERENCE):
        return (80.0 if isinstance(profile.maximum, int | float) and profile.maximum > 2 else 0.8), None
    if params.risk_type == "adverse_event" and column.kind is ColumnKind.INTEGER:
        return None, 0.0
    raise UnprocessableError(
        f"{column.name!r} is a measurement: say from where on it is the event.",
        field="event_below",
        expected="event_below or event_above",
        got="neither",
        hint="For example event_below 0.8 for adherence.",
    )
