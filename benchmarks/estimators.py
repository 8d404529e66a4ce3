"""Estimators against published effects and the sample's truth: estimate, interval, error and time, printed and saved as JSON.

Promises: NHEFS within 3.1 to 3.6 kg; the NSW experiment $1,794 ± 1; the sample within three standard errors; an estimate of the
sample's size in 600 ms. ``--large`` adds 100,000 × 20 (8 s) and ``--coverage N`` the 95% interval's coverage over N draws of three
worlds with nonlinear confounding at n = 2,000.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from e2i_shared.api.common import Filter
from e2i_shared.causal.estimators.choice import estimate
from e2i_shared.causal.study import Settings
from e2i_shared.datasets.sample import Sample, generate
from e2i_shared.tools._analysis import Specification, prepare
from e2i_shared.tools._registry import ToolContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.causal.study import Study

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "estimators.json"
sys.path.insert(0, str(ROOT / "tests"))
import dgps  # type: ignore[import-not-found]  # noqa: E402  -- worlds of the tests, outside the package

SAMPLE_CASES: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("hcp_monthly", "rep_visits", "trx", {"brand": "Kisqali", "region": "Northeast"}),
    ("hcp_monthly", "rep_visits", "trx", {"brand": "Kisqali"}),
    ("hcp_monthly", "rep_visits", "trx", {}),
    ("hcp_monthly", "email_campaign", "trx", {"brand": "Kisqali", "region": "Northeast"}),
    ("hcp_monthly", "email_campaign", "trx", {"brand": "Fabhalta"}),
    ("patients", "copay_card", "adherence_pdc", {}),
    ("patients", "nurse_support", "discontinued_90d", {}),
)


def measure(name: str, study: Study, truth: float | None, settings: Settings) -> dict[str, Any]:
    """Estimate twice and report the second, warm run."""
    estimate(study, settings)
    started = time.perf_counter()
    found = estimate(study, settings)
    seconds = time.perf_counter() - started
    inference = found.inference
    return {
        "case": name,
        "n": study.n,
        "method": found.method,
        "estimate": inference.estimate,
        "std_error": inference.std_error,
        "truth": truth,
        "z": None if truth is None else (inference.estimate - truth) / inference.std_error,
        "milliseconds": 1000 * seconds,
    }


def published(settings: Settings) -> Iterator[dict[str, Any]]:
    """Measure the two studies; the truth of NSW is its own published difference in means."""
    yield measure("NHEFS, quitting smoking, kg (published 3.4 to 3.5)", dgps.nhefs(), None, settings)
    yield measure("NSW experiment, USD", dgps.nsw(), 1794.34, settings)
    treated = Settings(threads=settings.threads, estimand="att")
    yield measure("NSW treated + CPS, on the treated, USD", dgps.nsw_against_cps(), 1794.34, treated)


def sampled(sample: Sample, settings: Settings) -> Iterator[dict[str, Any]]:
    """Measure effects of the sample, reading and encoding left out."""
    context = ToolContext(sample.source(), threads=settings.threads)
    for dataset, treatment, outcome, wanted in SAMPLE_CASES:
        filters = [Filter(column=c, value=v) for c, v in wanted.items()]
        asked = Specification(dataset=dataset, treatment_col=treatment, outcome_col=outcome, filters=filters)
        name = f"{treatment} on {outcome}, {' '.join(wanted.values()) or 'all'}"
        truth = sample.truth_for(treatment, outcome, filters).effect
        yield measure(name, prepare(asked, context).study, truth, settings)


def large(settings: Settings) -> Iterator[dict[str, Any]]:
    """Measure 100,000 × 20."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(100_000, 20))
    shape = np.sin(2 * x[:, 0]) + (x[:, 1] > 0)
    a = (rng.random(len(x)) < dgps.expit(shape - 0.5)).astype(np.float64)
    y = a * (1 + 0.5 * x[:, 2]) + 1.5 * shape + rng.normal(size=len(x))
    truth = float((1 + 0.5 * x[:, 2]).mean())
    yield measure("100,000 × 20, nonlinear", dgps.study_of(x, a, y), truth, settings)


def coverage(draws: int, settings: Settings) -> Iterator[dict[str, Any]]:
    """Report how often the 95% interval holds the truth, and bias in standard errors."""
    for name, world in dgps.NONLINEAR.items():
        errors, spreads = [], []
        for seed in range(draws):
            drawn = world(seed)
            inference = estimate(drawn.study, settings).inference
            errors.append(inference.estimate - drawn.truth)
            spreads.append(inference.std_error)
        z = np.array(errors) / np.array(spreads)
        yield {
            "case": f"coverage, {name}",
            "draws": draws,
            "coverage": float((np.abs(z) < 1.96).mean()),
            "bias": float(np.mean(errors)),
            "bias_per_se": float(np.mean(errors) / np.mean(spreads)),
        }


def main() -> None:
    """Run, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--coverage", type=int, default=0, metavar="N")
    options = parser.parse_args()
    settings = Settings(threads=options.threads)
    rows: list[dict[str, Any]] = []
    parts = [published(settings), sampled(generate(), settings)]
    parts += [large(settings)] if options.large else []
    parts += [coverage(options.coverage, settings)] if options.coverage else []
    for part in parts:
        for row in part:
            rows.append(row)
            print(" | ".join(f"{k} {v:,.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"threads": options.threads, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
