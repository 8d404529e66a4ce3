"""Sentences about who is treated, who is at risk, who is in a cohort, and what things mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.composer.claims.told import say
from e2i_shared.composer.render import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.composition import Claim
    from e2i_shared.composer.claims.told import Told

_MOST_LISTED = 3
_MOST_NAMED = 5
_DIRECTIONS = {"raises": "raises it", "lowers": "lowers it", "differs": "differs by level"}
_MOST_PARTS = 6
_MOST_STEPS = 8


def propensity(told: Told) -> Iterator[Claim]:
    """Say how many are treated, whether they can be compared with the others, and what tells them apart."""
    treatment = told.labels.cause(str(told.get("/treatment_col")))
    rows = literal(_several(told.labels.rows)) if told.labels.rows.isalpha() else "rows"
    mean = told.number("/propensity_scores/mean", transform="percent")
    spread = ("/propensity_scores/p05", "/propensity_scores/p95")
    yield say(
        f"{{0}} of {{1}} {rows} had {treatment}; the estimated probability averages {{2}} and lies between {{3}} and {{4}} for most.",
        told.number("/treated"),
        told.number("/n"),
        mean,
        *(told.number(p, like=spread, transform="percent") for p in spread),
    )
    yield say(
        "Overlap is {0}: {1}", told.text("/overlap_assessment/verdict"), told.text("/overlap_assessment/explanation")
    )
    yield say("Treated and untreated rows are told apart with an AUC of {0}.", told.number("/auc"))
    count = min(_MOST_LISTED, len(told.get("/balance_statistics") or []))
    if count:
        slots = ", ".join(f"{{{i}}}" for i in range(count))
        yield say(
            f"They differ most in {slots}.", *(told.text(f"/balance_statistics/{i}/column") for i in range(count))
        )
    differences = ("/largest_smd_before", "/largest_smd_after")
    yield say(
        "The largest difference between them goes from {0} to {1} standard deviations by weighting.",
        *(told.number(p, like=differences) for p in differences),
    )


def risk(told: Told) -> Iterator[Claim]:
    """Say how many are at high risk, who comes first, what goes with the risk, and how far to believe it."""
    kind, entity = str(told.get("/risk_type")).replace("_", " "), literal(_several(str(told.get("/entity_type"))))
    shares = ("/risk_threshold", "/mean_risk")
    yield say(
        f"{{0}} of {{1}} {entity} are at high risk of {kind} within {{2}}: {{3}} or more, against {{4}} on average.",
        told.number("/high_risk_count"),
        told.number("/entities"),
        told.number("/time_horizon_days", unit="days"),
        *(told.number(p, like=shares, transform="percent") for p in shares),
    )
    count = min(_MOST_NAMED, len(told.get("/scores") or []))
    if count:
        slots = ", ".join(f"{{{2 * i}}} ({{{2 * i + 1}}})" for i in range(count))
        refs = [
            r
            for i in range(count)
            for r in (told.text(f"/scores/{i}/entity"), told.number(f"/scores/{i}/risk", transform="percent"))
        ]
        yield say(f"Highest: {slots}.", *refs)
    factors = sorted((told.get("/risk_factors") or {}).items(), key=lambda item: -item[1]["importance"])[:_MOST_LISTED]
    if factors:
        named = ", ".join(
            f"{told.labels.name(name)} ({_DIRECTIONS.get(f['direction'], 'goes with it')})" for name, f in factors
        )
        yield say(f"What goes with the risk most, without having to cause it: {named}.")
    measures = ("/model_performance/auc", "/model_performance/brier")
    if all(told.get(p) is not None for p in measures):
        yield say(
            "Out of fold the scores reach an AUC of {0} and a Brier score of {1}.",
            *(told.number(p, like=measures) for p in measures),
        )


def _several(unit: str) -> str:
    """Return the plural of what a row is; of an acronym in capitals."""
    plain = unit.replace("_", " ")
    known = {"person": "people", "hcp": "HCPs", "entity": "entities", "row": "rows"}
    if plain in known:
        return known[plain]
    return f"{plain[:-1]}ies" if plain.endswith("y") and plain[-2:-1] not in "aeiou" else f"{plain}s"


def cohort(told: Told) -> Iterator[Claim]:
    """Say how many are in, what each criterion left, and which one costs most."""
    unit = str(told.get("/unit") or "row")
    units = literal(_several(unit)) if unit.isalpha() else "units"
    refs = (told.number("/size"), told.number("/assessed_entities"), told.number("/share", transform="percent"))
    yield say(f"The cohort has {{0}} of {{1}} {units}, {{2}}.", *refs)
    rows = (told.get("/steps") or [])[:_MOST_STEPS]
    if rows:
        slots = "; ".join(
            f"{'excluding ' if row.get('kind') == 'exclusion' else ''}{{{2 * i}}} leaves {{{2 * i + 1}}}"
            for i, row in enumerate(rows)
        )
        texts = [
            r
            for i in range(len(rows))
            for r in (told.text(f"/steps/{i}/criterion"), told.number(f"/steps/{i}/entities_after"))
        ]
        yield say(f"Step by step: {slots}.", *texts)
    if told.get("/empty") and told.get("/emptied_by"):
        yield say("Nobody is left after: {0}.", told.text("/emptied_by"))
    if told.get("/strictest") and (told.get("/strictest_adds") or 0) > 0:
        text = "The strictest criterion is {0}: without it the cohort would have {1} more."
        yield say(text, told.text("/strictest"), told.number("/strictest_adds"))


def explanation(told: Told) -> Iterator[Claim]:
    """Quote the explanation's sentences as they are."""
    for i in range(min(_MOST_PARTS, len(told.get("/parts") or []))):
        refs = (told.text(f"/parts/{i}/title"), told.text(f"/parts/{i}/text"))
        yield say("{0}: {1}", *refs) if told.get(f"/parts/{i}/kind") == "definition" else say("{0}", refs[1])
