"""Digital twins on worlds whose truth is known: coverage, error, and what is advised where nothing, harm or little overlap is the truth.

Every draw trains a twin with the settings a user gets, and asks it what a user may ask.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from e2i_shared.errors import InputError
from e2i_shared.twins.simulate import simulate
from e2i_shared.twins.spec import SimulationSpec
from e2i_shared.twins.train import train

from benchmarks.rows import Row, at_least, at_most, row

if TYPE_CHECKING:
    from e2i_shared.twins.bundle import Bundle

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import builders_twins as worlds  # type: ignore[import-not-found]

COUNTS = (1_000, 10_000, 50_000)
ONCOLOGY = 2
QUESTIONS: dict[str, dict[str, Any]] = {
    "email": {"intervention_type": "email"},
    "email among oncologists": {
        "intervention_type": "email",
        "population_filters": [{"column": "specialty", "value": "Oncology"}],
    },
    "one more visit": {"intervention_type": "visits", "config": {"dose_change": 1}},
    "20% more visits": {"intervention_type": "visits", "config": {"dose_change_pct": 20}},
    "three visits each": {"intervention_type": "visits", "config": {"dose": 3}},
}


def ask(bundle: Bundle, kind: str, **more: Any) -> Any:
    """Simulate without pictures."""
    return simulate(bundle, SimulationSpec.model_validate({"intervention_type": kind} | more), with_charts=False)


def truth_of(world: Any, question: str) -> float:
    """Return the true effect that a question asks for, over the world's own units."""
    email, visits = world.effects["email"], world.effects["visits"]
    return {
        "email": float(email.mean()),
        "email among oncologists": float(email[world.frame.columns["specialty"].codes == ONCOLOGY].mean()),
        "one more visit": float(visits.mean()),
        "20% more visits": float((0.2 * visits * world.frame.numbers("visits")).mean()),
        "three visits each": float(3 * visits.mean()),
    }[question]


def twin_of(world: Any, seed: int, **more: Any) -> Bundle:
    """Train a twin of a world."""
    return train(world.source, worlds.twin_spec(seed=seed, **more)).bundle


def coverage_rows(draws: int) -> list[Row]:
    """Measure the 95% interval's coverage at three twin counts, of five questions, and of all groups of a column together."""
    held: dict[tuple[str, int], list[bool]] = defaultdict(list)
    groups, differ = [], []
    for seed in range(draws):
        world = worlds.confounded(92_000 + seed, 1_500)
        bundle = twin_of(world, seed, twins=50_000)
        for question, asked in QUESTIONS.items():
            truth = truth_of(world, question)
            for count in COUNTS:
                found = ask(bundle, asked["intervention_type"], **_rest(asked), twin_count=count, seed=seed)
                low, high = found.confidence_interval
                held[question, count].append(low <= truth <= high)
                if question == "email" and count == COUNTS[1]:
                    groups.append(_all_groups_hold(world, found))
        differ.append(len({tuple(held[q, c][-1] for q in QUESTIONS) for c in COUNTS}) > 1)
    rows = [
        row(f"coverage of {question}, {count:,} twins, {draws} draws", share, "0.93-0.97", 0.93 <= share <= 0.97)
        for (question, count), kept in held.items()
        for share in [float(np.mean(kept))]
    ]
    means = {count: float(np.mean([held[q, count] for q in QUESTIONS])) for count in COUNTS}
    rows += [row(f"coverage, all questions, {c:,} twins", m, "0.93-0.97", 0.93 <= m <= 0.97) for c, m in means.items()]
    rows.append(at_most("coverage: largest difference by twin count", max(means.values()) - min(means.values()), 0.01))
    rows.append(row("coverage: draws in which the twin count changed any verdict", float(np.mean(differ)), "", None))
    share = float(np.mean(groups))
    rows.append(row("heterogeneity: all groups of a column held together", share, "0.93-0.97", 0.93 <= share <= 0.97))
    return rows


def _rest(asked: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in asked.items() if k != "intervention_type"}


def _all_groups_hold(world: Any, found: Any) -> bool:
    codes = world.frame.columns["specialty"].codes
    truths = {name: float(world.effects["email"][codes == k].mean()) for k, name in enumerate(worlds.SPECIALTIES)}
    return all(one.ci_lower <= truths[one.level] <= one.ci_upper for one in found.effect_heterogeneity["specialty"])


def error_rows(draws: int) -> list[Row]:
    """Measure the average error at n = 5,000, beside that of the raw difference of means."""
    errors: dict[str, list[float]] = defaultdict(list)
    raw = []
    for seed in range(draws):
        world = worlds.confounded(90_000 + seed, 5_000)
        bundle = twin_of(world, seed, twins=10_000)
        for question, asked in QUESTIONS.items():
            truth = truth_of(world, question)
            found = ask(bundle, asked["intervention_type"], **_rest(asked))
            errors[question].append(abs(found.simulated_ate - truth) / abs(truth))
        email, sales, truth = world.frame.numbers("email"), world.frame.numbers("sales"), world.truth("email")
        raw.append(abs(sales[email == 1].mean() - sales[email == 0].mean() - truth) / truth)
    rows = [
        at_most(f"error of {question}: mean, relative, 5,000 rows, {draws} draws", float(np.mean(e)), 0.05)
        for question, e in errors.items()
    ]
    return [*rows, row("error of email: the same of the raw difference", float(np.mean(raw)), "", None)]


def nothing_rows(draws: int) -> list[Row]:
    """Measure what is advised where there is no effect."""
    advice = []
    for seed in range(draws):
        world = worlds.confounded(91_000 + seed, 2_000, effect=0.0, spread=0.0, dose_effect=0.0)
        bundle = twin_of(world, seed)
        advice += [ask(bundle, "email").recommendation, ask(bundle, "visits", config={"dose_change": 1}).recommendation]
    return [
        at_least(f"no effect: share skipped, {draws} draws, two questions", advice.count("skip") / len(advice), 0.95),
        at_most("no effect: share deployed", advice.count("deploy") / len(advice), 0.0),
    ]


def harm_rows(draws: int) -> list[Row]:
    """Measure what is advised, and held, where the intervention harms."""
    advice, held = [], []
    for seed in range(draws):
        world = worlds.confounded(93_000 + seed, 1_500, effect=-1.0, dose_effect=-0.4)
        bundle = twin_of(world, seed)
        for question in ("email", "one more visit"):
            found = ask(bundle, QUESTIONS[question]["intervention_type"], **_rest(QUESTIONS[question]))
            advice.append(found.recommendation)
            held.append(found.confidence_interval[0] <= truth_of(world, question) <= found.confidence_interval[1])
    return [
        at_least(f"harm: share skipped, {draws} draws, two questions", advice.count("skip") / len(advice), 1.0),
        at_least("harm: coverage", float(np.mean(held)), 0.93),
    ]


def weak_overlap_rows(draws: int) -> list[Row]:
    """Measure what is held, or refused, where few units could have had either."""
    held, refused = [], 0
    for seed in range(draws):
        world = worlds.confounded(94_000 + seed, 2_000, pull=2.5)
        try:
            found = ask(twin_of(world, seed, interventions=["email"]), "email")
        except InputError:
            refused += 1
            continue
        held.append(found.confidence_interval[0] <= world.truth("email") <= found.confidence_interval[1])
    return [
        at_least(f"weak overlap: coverage of what is answered, {draws} draws", float(np.mean(held)), 0.93),
        row("weak overlap: share refused", refused / draws, "", None),
    ]


def curve_rows(draws: int) -> list[Row]:
    """Measure a dose curve that bends after the third visit, point by point."""
    held, errors = [], []
    for seed in range(draws):
        world = worlds.confounded(95_000 + seed, 2_000, bend=0.5)
        found = ask(twin_of(world, seed, interventions=["visits"]), "visits", config={"dose": 2})
        least = found.dose_response[0].dose
        for point in found.dose_response[1:]:
            bent = max(point.dose - 3, 0.0) - max(least - 3, 0.0)
            truth = world.truth("visits") * (point.dose - least) - 0.5 * bent
            held.append(point.ci_lower <= truth <= point.ci_upper)
            errors.append(abs(point.effect - truth) / abs(truth))
    return [
        at_least(f"bent dose curve: coverage over its points, {draws} draws", float(np.mean(held)), 0.93),
        at_most("bent dose curve: mean relative error of a point", float(np.mean(errors)), 0.15),
    ]
