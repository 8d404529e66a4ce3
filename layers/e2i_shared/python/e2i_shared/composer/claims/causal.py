"""Sentences about an effect, its refutation and its sensitivity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.labels import verb_of
from e2i_shared.composer.claims.told import SIGNIFICANT, excludes_zero, say, scope_of, sentence
from e2i_shared.composer.render import POINTS, literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.composition import Claim, ValueRef
    from e2i_shared.composer.claims.told import Told, Transform

_MOST_LEVELS = 5
_REFERENCE = "/specification/reference_level"
_TESTS = {
    "placebo_treatment": "a placebo treatment",
    "random_common_cause": "a random common cause",
    "data_subset": "subsets of the data",
    "bootstrap": "resampling",
    "unobserved_common_cause": "an unobserved common cause",
}
_BOUNDS = ("/ate", "/ci_lower", "/ci_upper")
_VERDICTS = {
    "proceed": "The effect holds up against the refutation tests.",
    "review": "The refutation tests leave doubts: review them before acting on the effect.",
    "block": "The effect does not hold up: it should not be acted on.",
}


def effect(told: Told) -> Iterator[Claim]:
    """Say direction, size, interval and scope of an average effect; on a rate in percentage points; by level or design where there is one."""
    specification = told.get("/specification") or told.inputs
    treatment, outcome = (str(specification[c]) for c in ("treatment_col", "outcome_col"))
    kind = str(told.get("/treatment_kind") or specification.get("treatment_kind"))
    place = f"{scope}: " if (scope := scope_of(told)) else ""
    rate = told.get("/risk_ratio") is not None
    named = f"the rate of {told.labels.name(outcome)}" if rate else told.labels.name(outcome)
    clear = excludes_zero(told.get("/ci_lower"), told.get("/ci_upper"))
    refs = _measured(told, outcome, rate=rate, signed=not clear)
    cause, levels = _cause(told, treatment, kind, len(refs))
    if clear:
        verb = verb_of(cause, "raise" if told.get("/ate") > 0 else "lower")
        text = f"{place}{cause} {verb} {named} by {{0}} on average {_interval(told)}."
    else:
        per = f" per {told.labels.one(treatment)}" if kind == "dose" else ""
        cause = told.labels.name(treatment) if kind == "dose" else cause
        text = f"{place}no clear effect of {cause} on {named}: {{0}}{per} {_interval(told)}."
    yield say(sentence(text), *refs, *levels)
    yield from _levels(told, treatment, outcome)
    yield from _design(told)


def _cause(told: Told, treatment: str, kind: str, taken: int) -> tuple[str, list[ValueRef]]:
    """Return the cause in words: one more of a dose, the headline level of a category, else the treatment."""
    if kind == "dose":
        return f"each additional {told.labels.one(treatment)}", []
    if kind != "arms" or not told.get("/arms"):
        return told.labels.cause(treatment), []
    against = [told.text(_REFERENCE)] if told.get(_REFERENCE) is not None else []
    words = f" rather than {{{taken + 1}}}" if against else " rather than the reference level"
    return f"{told.labels.name(treatment)} {{{taken}}}{words}", [told.text("/arms/0/label"), *against]


def _measured(told: Told, outcome: str, *, rate: bool, signed: bool) -> list[ValueRef]:
    """Return size, bounds from low to high and p-value; of a clear fall without signs, its bounds by size."""
    bare = not signed and told.get("/ate") < 0
    transform: Transform = ("percent_absolute" if bare else "percent") if rate else "absolute" if bare else "none"
    order = (_BOUNDS[0], *reversed(_BOUNDS[1:])) if bare else _BOUNDS
    size, *bounds = (told.number(p, like=_BOUNDS, transform=transform) for p in order)
    unit = POINTS if rate else told.labels.unit(outcome)
    bounds = [b.model_copy(update={"unit": ""}) for b in bounds]
    return [size.model_copy(update={"unit": unit}), *bounds, *_p_value(told)]


def _interval(told: Told) -> str:
    known = told.get("/p_value") is not None
    return "(95% interval {1} to {2}; {3})" if known else "(95% interval {1} to {2})"


def _p_value(told: Told) -> tuple[ValueRef, ...]:
    return (told.p_value("/p_value"),) if told.get("/p_value") is not None else ()


def _levels(told: Told, treatment: str, outcome: str) -> Iterator[Claim]:
    """Say the effect of the other levels of a category, against the same reference."""
    rows = range(1, min(len(told.get("/arms") or []), _MOST_LEVELS + 1))
    if not rows or told.get("/event_study"):
        return
    refs = [r for i in rows for r in _arm(told, f"/arms/{i}", outcome)]
    slots = "; ".join(f"{{{4 * k}}} {{{4 * k + 1}}} ({{{4 * k + 2}}} to {{{4 * k + 3}}})" for k in range(len(rows)))
    text = f"Other levels of {told.labels.name(treatment)} against the same one, with intervals that hold for all at once: {slots}."
    yield say(text, *refs)


def _arm(told: Told, at: str, outcome: str) -> Iterator[ValueRef]:
    yield told.text(f"{at}/label")
    bounds = [f"{at}/{f}" for f in ("effect", "ci_lower", "ci_upper")]
    size, *interval = (told.number(p, like=bounds) for p in bounds)
    yield from (size.model_copy(update={"unit": told.labels.unit(outcome)}), *interval)


def _design(told: Told) -> Iterator[Claim]:
    """Say that units were compared with their own past, and whether they moved apart before."""
    if not told.get("/event_study"):
        return
    p = told.get("/event_study/pretrend_p_value")
    start = "This compares each unit's change over time with that of units not treated (difference in differences)"
    if p is None:
        yield say(f"{start}; whether both moved alike before cannot be tested.", told.number("/ate"))
    elif p < SIGNIFICANT:
        yield say(
            f"{start}, but treated units moved apart before they were treated ({{0}}): do not read the estimate as an effect.",
            told.p_value("/event_study/pretrend_p_value"),
        )
    else:
        yield say(f"{start}; before treatment both moved alike ({{0}}).", told.p_value("/event_study/pretrend_p_value"))


def refutation(told: Told) -> Iterator[Claim]:
    """Say the verdict, and which tests passed and failed."""
    yield say(
        f"{_VERDICTS.get(str(told.get('/gate_decision')), 'The refutation tests were run.')}",
        told.text("/gate_decision"),
    )
    results = told.get("/test_results") or []
    for wanted, word in ((True, "Passed"), (False, "Failed")):
        places = [i for i, r in enumerate(results) if r.get("passed") is wanted]
        if places:
            names = [str(results[i]["name"]) for i in places]
            listed = literal(", ".join(_TESTS.get(n, n.replace("_", " ")) for n in names))
            yield say(f"{word}: {listed}.", *(told.text(f"/test_results/{i}/name") for i in places))


def sensitivity(told: Told) -> Iterator[Claim]:
    """Say how strong a hidden confounder would have to be."""
    point = next((p for p in ("/e_value", "/e_value_point") if isinstance(told.get(p), (int, float))), None)
    if point:
        yield say(
            "To explain the estimate away, a hidden confounder would have to be tied to both treatment and outcome by a risk ratio of at least {0} (E-value).",
            told.number(point),
        )
    if isinstance(told.get("/robustness_value"), (int, float)):
        yield say(
            "In shares of variance: it would have to explain {0} of what remains unexplained of each (robustness value).",
            told.number("/robustness_value", transform="percent"),
        )
