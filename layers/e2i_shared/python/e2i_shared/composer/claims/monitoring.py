"""Sentences about drift, differences between groups, and the health of data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.api.common import Filter
from e2i_shared.composer.claims.told import say, scope_of, sentence
from e2i_shared.composer.render import literal
from e2i_shared.composer.scope import describe_filter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.composition import Claim
    from e2i_shared.composer.claims.told import Told

_MOST_LISTED, _MOST_SIGNALS = 6, 5
_ANY_DRIFT = re.compile(r"\bdrift\w*", re.IGNORECASE)
_STATES = {"healthy": "is healthy", "warning": "shows warning signs", "alarm": "is not healthy"}
_VERDICTS = {
    "none": "has not drifted beyond what chance gives",
    "minor": "has drifted a little",
    "moderate": "has drifted moderately",
    "severe": "has drifted severely",
}


def drift(told: Told) -> Iterator[Claim]:
    """Say whether a column drifted, between which periods, and where."""
    feature = told.labels.name(str(told.get("/feature")))
    verdict = _VERDICTS.get(str(told.get("/drift_severity")), "was checked for drift")
    scale = ("/psi_value", "/threshold")
    if told.get("/drift_severity") == "none" and (told.get("/psi_value") or 0) > (told.get("/threshold") or 0):
        verdict = "has moved more than chance gives, but too little to count as drift"
    dates = [told.span(f"/{p}_period") for p in ("reference", "comparison")]
    text = f"{feature} {verdict}: its stability index is {{0}} in {{3}} against {{2}} (chance alone stays below {{1}})."
    yield say(sentence(text), *(told.number(p, like=scale) for p in scale), *dates)
    if told.get("/drift_severity") != "none":
        yield say("Most of it comes from {0}.", told.text("/largest_contribution"))
    means = ("/reference_mean", "/comparison_mean")
    if all(told.get(p) is not None for p in means):
        yield say("Its mean went from {0} to {1}.", *(told.number(p, like=means) for p in means))


def health(told: Told) -> Iterator[Claim]:
    """Say what is wrong with the KPI asked about, then whether the data set is healthy, complete and fresh, and what else is wrong."""
    signals = told.get("/signals") or []
    name = literal(str(told.inputs.get("dataset") or "The data"))
    if _ANY_DRIFT.search(told.question) and told.get("/kpi") is None:
        yield from _drifts(told, name)
        return
    own = [i for i, s in enumerate(signals) if s["kind"] == "kpi"]
    if told.get("/kpi") is not None:
        where = f" for {s}" if (s := scope_of(told)) else ""
        yield from (say("{0}", told.text(f"/signals/{i}/detail")) for i in own[:_MOST_SIGNALS])
        if not own:
            yield say(f"{{0}}{where} shows nothing unusual against its control limits.", told.text("/kpi/title"))
    state = _STATES.get(str(told.get("/status")), "was checked")
    refs = (
        told.number("/alarms"),
        told.number("/completeness", transform="percent"),
        told.text("/freshness/last_date"),
    )
    yield say(f"{name} {state} (current alarms: {{0}}): {{1}} of its cells hold a value, and it runs to {{2}}.", *refs)
    for i in [i for i in range(len(signals)) if i not in own][:_MOST_SIGNALS]:
        yield say("{0}", told.text(f"/signals/{i}/detail"))


def _drifts(told: Told, name: str) -> Iterator[Claim]:
    """Say which columns of a data set drifted, or that none did beyond chance."""
    found = [i for i, s in enumerate(told.get("/signals") or []) if s["kind"] == "drift"]
    for i in found[:_MOST_SIGNALS]:
        yield say(f"{name}: {{0}}", told.text(f"/signals/{i}/detail"))
    if not found:
        yield say(
            f"{name}: no column has drifted beyond what chance gives, up to {{0}}.", told.text("/freshness/last_date")
        )


def comparison(told: Told) -> Iterator[Claim]:
    """Say which columns differ between the groups, how much, and which do not."""
    groups = [_group(told, side) for side in ("group_a", "group_b")]
    for i, row in enumerate((told.get("/test_results") or [])[:_MOST_LISTED]):
        at, column = f"/test_results/{i}", told.labels.name(row["column"])
        p = told.p_value(f"{at}/p_adjusted")
        effect = told.number(f"{at}/effect_size", transform="absolute")
        means = (f"{at}/mean_a", f"{at}/mean_b")
        shown = [told.number(m, like=means) for m in means] if all(told.get(m) is not None for m in means) else []
        between = f" (means: {groups[0]} {{2}}, {groups[1]} {{3}})" if shown else f" ({groups[0]} and {groups[1]})"
        if row["significant"]:
            text = f"{column} differs between the groups{between}: {{4}} difference, effect size {{0}}, adjusted {{1}}; most at {{5}}."
        else:
            text = f"{column} does not clearly differ between the groups{between}: effect size {{0}}, adjusted {{1}}."
        if not shown:
            text = text.replace("{4}", "{2}").replace("{5}", "{3}")
        yield say(sentence(text), effect, p, *shown, told.text(f"{at}/magnitude"), told.text(f"{at}/largest_at"))


def _group(told: Told, side: str) -> str:
    """Return a group in words: its conditions, else that it is a period or the rest."""
    filters = (told.inputs.get(side) or {}).get("filters") or []
    named = [Filter.model_validate(f) for f in filters]
    texts = [str(f.value) if f.op == "eq" and isinstance(f.value, str) else describe_filter(f) for f in named]
    period = (told.inputs.get(side) or {}).get("period")
    if texts or period is None:
        return literal(", ".join(texts) or "all others")
    return "the earlier period" if side == "group_a" else "the later period"
