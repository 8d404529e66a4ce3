"""Fit exponential smoothing with statsmodels and store what it finds: ``.venv-peers/bin/python tests/reference/make_forecast_outside.py``."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import statsmodels
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

HERE = Path(__file__).parent
MODELS = {
    "ses": {"error": "add"},
    "holt_damped": {"error": "add", "trend": "add", "damped_trend": True},
    "ses_seasonal": {"error": "add", "seasonal": "add", "seasonal_periods": 12},
}


def series() -> dict[str, list[float]]:
    """Return the series to fit: a noisy level, a bending trend, a yearly wave."""
    rng = np.random.default_rng(20261001)
    t = np.arange(60)
    level = 100.0 + np.cumsum(rng.normal(0, 2.0, 60)) + rng.normal(0, 3.0, 60)
    trend = 50.0 + 40.0 * (1 - 0.95**t) + rng.normal(0, 1.5, 60)
    wave = 200.0 + 25.0 * np.sin(2 * np.pi * t / 12) + 8.0 * np.cos(4 * np.pi * t / 12) + rng.normal(0, 4.0, 60)
    return {name: np.round(v, 3).tolist() for name, v in {"level": level, "trend": trend, "wave": wave}.items()}


def main() -> None:
    """Write forecast_outside.json."""
    found = {}
    for (model, options), (name, values) in zip(MODELS.items(), series().items(), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the optimiser's remarks; the likelihood is stored for comparison
            fit = ETSModel(np.array(values), **options).fit(disp=False, maxiter=5000)
        found[model] = {
            "series": name,
            "values": values,
            "sse": float((fit.resid**2).sum()),
            "loglikelihood": float(fit.llf),
            "forecast": fit.forecast(6).tolist(),
            "parameters": dict(zip(fit.model.param_names, map(float, fit.params), strict=True)),
        }
    answer = {"statsmodels": statsmodels.__version__, "models": found}
    (HERE / "forecast_outside.json").write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
