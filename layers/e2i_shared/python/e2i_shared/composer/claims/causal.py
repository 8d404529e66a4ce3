"""Sentences about an effect, its refutation and its sensitivity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.told import excludes_zero, say, scope_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.composition import Claim, ValueRef
    from e2i_shared.composer.claims.told import Told

_BOUNDS = ("/ate", "/ci_lower", "/ci_upper")
_VERDICTS = {
    "proceed": "The effect holds up against the refutation tests.",
    "review": "The refutation tests leave doubts: review them before acting on the effect.",
    "block": "The effect does not hold up: it should not be acted on.",
}


def effect(told: Told) -> Iterator[Claim]:
    """Say direction, size, interval and scope of an average effect; that on a rate in percentage points."""
    specification = told.get("/specification") or told.inputs
    treatment, outcome = (told.labels.name(specification[c]) for c in ("treatment_col", "outcome_col"))
    dose = (specification.get("treatment_kind") or told.get("/treatment_kind")) == "dose"
    rate, where = told.get("/risk_ratio") is not None, f" in {scope}" if (scope := scope_of(told)) else ""
    size, *bounds = (told.number(p, like=_BOUNDS, transform="percent" if rate else "none") for p in _BOUNDS)
    certainty = (*bounds, *_p_value(told))
    interval = "(95% interval {1} to {2}; {3})" if len(certainty) > len(bounds) else "(95% interval {1} to {2})"
    if rate:
        outcome, interval = f"the rate of {outcome}", f"in percentage points {interval}"
    else:
        size = size.model_copy(update={"unit": told.labels.unit(specification["outcome_col"])})
    if not excludes_zero(told.get("/ci_lower"), told.get("/ci_upper")):
        per = " per additional unit" if dose else ""
        yield say(f"No clear effect of {treatment} on {outcome}{where}: {{0}}{per} {interval}.", size, *certainty)
        return
    cause = f"With each additional unit of {treatment}" if dose else f"With {treatment}"
    change = _change(told, rate=rate)
    yield say(f"{cause}{where}, {outcome} {change} on average {interval}.", _unsigned(size, told), *certainty)


def _change(told: Told, *, rate: bool) -> str:
    verb = "rises" if told.get("/ate") > 0 else "falls"
    return f"{verb}, a change of {{0}}" if rate else f"{verb} by {{0}}"


def _unsigned(size: ValueRef, told: Told) -> ValueRef:
    negative = told.get("/ate") < 0 and size.transform == "none"
    return size.model_copy(update={"transform": "absolute"}) if negative else size


def _p_value(told: Told) -> tuple[ValueRef, ...]:
    return (told.p_value("/p_value"),) if told.get("/p_value") is not None else ()


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
            slots = ", ".join(f"{{{i}}}" for i in range(len(places)))
            yield say(f"{word}: {slots}.", *(told.text(f"/test_results/{i}/name") for i in places))


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
