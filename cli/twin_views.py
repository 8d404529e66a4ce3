"""Twins, trainings and simulations as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from cli import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    Json = dict[str, Any]

COLOURS = {"deploy": "green", "refine": "yellow", "skip": "red"}
LISTED = ("twin_id", "twin", "status", "active", "outcome", "fidelity")
MOST_GROUPS = 24
_NO_FEATURE = {"feature": "", "before": None, "after": None}


def job(found: Json) -> RenderableType:
    """Return how a training stands."""
    line = f"{found['status']}  {found['name']} ({found['brand']})  {found['phase']} {found['percent']}%"
    rest = f"twin {found['twin_id']}  job {found['job_id']}"
    error = [Text(found["error"], style="red")] if found.get("error") else []
    return Group(Text(line, style="bold"), *error, Text(rest, style="dim"))


def twins(found: Sequence[Json]) -> RenderableType:
    """Return a table of versions."""
    return render.table("Twins", LISTED, map(_listed, found))


def _listed(item: Json) -> tuple[Any, ...]:
    named = f"{item['name']}, {item['brand']}, version {item['version']}"
    score = short(item.get("fidelity_score"))
    fidelity = None if score is None else f"{score} {item.get('fidelity_grade') or ''}".rstrip()
    return item["twin_id"], named, item["status"], item["active"], item["outcome"], fidelity


def twin(found: Json) -> RenderableType:
    """Return a twin with its metrics and warnings."""
    metrics = render.table(
        "Training", ("metric", "value"), ([n, short(v)] for n, v in sorted(found["metrics"].items()))
    )
    warnings = [Text(f"  ! {each}", style="yellow") for each in found["warnings"]]
    logged = found["mlflow_model_uri"] or f"not in the experiment log: {found['mlflow_pending']}"
    described = (
        f"{found['outcome']} by {', '.join(found['interventions'])}, described by {', '.join(found['features'])}"
    )
    pairs = [_pairs(found["figures"]["matching"])] if found["figures"].get("matching") else []
    return Group(twins([found]), Text(described), metrics, *pairs, *warnings, Text(logged, style="dim"))


def _pairs(found: Json) -> RenderableType:
    """Return how alike matched pairs are: the feature in which they differ most, and whether all are below 0.1."""
    heads = ("pairs", "matched", "unmatched", "differ most in", "before", "after", "alike")
    rows = (
        [name, one["pairs"], one["unmatched"], *map(short, (one.get("worst") or _NO_FEATURE).values()), _alike(one)]
        for name, one in found.items()
    )
    return render.table("Twin pairs, standardised mean differences", heads, rows)


def _alike(pairs: Json) -> str:
    return "yes" if pairs["valid"] else f"no: {', '.join(pairs['unbalanced'])}"


def simulation(found: Json) -> RenderableType:
    """Return a simulation: the effect, what to do, and the groups."""
    if found["status"] != "COMPLETED":
        return Text(f"{found['status']}: {found.get('error') or found['simulation_id']}", style="yellow")
    low, high = found["confidence_interval"]
    unit = found["outcome_unit"] or found["outcome"]
    effect = f"{found['simulated_ate']:.4g} {unit}, {found['confidence_level']:.0%} interval {low:.4g} to {high:.4g}"
    said = f"{found['recommendation'].upper()}: {found['rationale']}"
    test = _real_test(found)
    warnings = [*found["warnings"], *filter(None, [found["fidelity_warning_reason"]])]
    return Group(
        Panel(Text(f"{effect}\n{said}"), border_style=COLOURS[found["recommendation"]]),
        Text(f"{found['estimand']}; {test}"),
        *(_groups(name, rows) for name, rows in found["effect_heterogeneity"].items()),
        *(Text(f"  ! {each}", style="yellow") for each in warnings),
        Text(f"simulation {found['simulation_id']}  {found['twins']:,} twins  seed {found['seed']}", style="dim"),
    )


def _real_test(found: Json) -> str:
    size, weeks = found["recommended_sample_size"], found["recommended_duration_weeks"]
    if size is None:
        return "no real test can be sized"
    need = f"a real test would need {size:,} {found['advice']['sample_unit']} per arm"
    return f"{need} for {weeks} weeks" if weeks else f"{need}, more than this population has"


def _groups(name: str, rows: Sequence[Json]) -> RenderableType:
    heads = (name, "effect", "low", "high", "units")
    cells = (
        [r["level"], *(short(r[k]) for k in ("effect", "ci_lower", "ci_upper", "units"))] for r in rows[:MOST_GROUPS]
    )
    return render.table("", heads, cells)


def validation(found: Json) -> RenderableType:
    """Return one prediction beside what came true."""
    relative = "" if found["relative_error"] is None else f", {found['relative_error']:+.0%}"
    held = "held" if found["ci_coverage"] else "did not hold"
    line = f"predicted {short(found['simulated_ate'])}, found {short(found['actual_ate'])}: off by {short(found['error'])}{relative}"
    return Group(Text(f"{found['fidelity_grade'].upper()}  {line}", style="bold"), Text(f"The interval {held} it."))


def fidelity(found: Json) -> RenderableType:
    """Return how far a twin can be trusted."""
    accuracy, similarity = found["accuracy"], found["similarity"]
    lines = [f"fidelity {found['score']:.2f}, {found['grade']}; population {found['population']:.2f}"]
    if accuracy["count"]:
        lines.append(
            f"{accuracy['count']} validated: RMSE {short(accuracy['rmse'])}, interval coverage {accuracy['coverage']:.0%}"
        )
    if similarity:
        drifted = ", ".join(similarity["drifted"]) or "none"
        lines.append(f"likeness to the data now {similarity['score']:.2f}; drifted columns: {drifted}")
    lines.append(f"degradation: {found['degradation']['severity']}. {found['degradation']['reason']}")
    return Group(*map(Text, lines), *(Text(f"  ! {each}", style="yellow") for each in found["warnings"]))


def versions(found: Sequence[Json]) -> RenderableType:
    """Return versions of a trained twin, or of one entity's."""
    if found and "state" in found[0]:
        heads = ("version", "caused_by", "valid_at", "changes")
        rows = ([v["version"], v["caused_by"], v["valid_at"], _changes(v)] for v in found)
        return render.table("Versions", heads, rows)
    return twins(found)


def _changes(version: Json) -> str:
    return ", ".join(f"{c['name']} {short(c['before'])} → {short(c['after'])}" for c in version["changes"])


def short(value: Any) -> Any:
    """Return a number in four digits, thousands in full, anything else as it is."""
    if not isinstance(value, float):
        return value
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
