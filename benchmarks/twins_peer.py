"""Runs in the peers' environment: SDV's Gaussian copula, or EconML's DR-learner, on arrays given as a file.

Usage: ``python twins_peer.py copula|effect IN.npz OUT.npz``. Times are CPU seconds without imports.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")


def copula(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Fit and sample 10,000 rows."""
    import pandas as pd
    from sdv.metadata import Metadata
    from sdv.single_table import GaussianCopulaSynthesizer

    table = pd.DataFrame({k: v.astype(str) if k.startswith("category:") else v for k, v in data.items()})
    described = Metadata.detect_from_dataframe(table, table_name="units")
    for name in table.columns:
        kind = "categorical" if name.startswith("category:") else "numerical"
        described.update_column(name, table_name="units", sdtype=kind)
    if described.tables["units"].primary_key:
        described.remove_primary_key("units")
    started = time.process_time()
    synthesizer = GaussianCopulaSynthesizer(described)
    synthesizer.fit(table)
    drawn = synthesizer.sample(10_000)
    seconds = time.process_time() - started
    found = {k: drawn[k].astype(float).to_numpy() for k in table.columns}
    return found | {"seconds": np.array(seconds)}


def effect(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Fit a linear DR-learner with XGBoost nuisances; return the average effect and its interval."""
    from econml.dr import LinearDRLearner
    from xgboost import XGBClassifier, XGBRegressor

    size = {"n_estimators": 200, "max_depth": 3, "learning_rate": 0.05, "n_jobs": 1}
    started = time.process_time()
    learner = LinearDRLearner(
        model_propensity=XGBClassifier(**size), model_regression=XGBRegressor(**size), cv=5, random_state=1
    )
    learner.fit(data["y"], data["a"].astype(int), X=data["x"])
    found = learner.ate_inference(data["x"])
    low, high = found.conf_int_mean()
    seconds = time.process_time() - started
    values = {"effect": found.mean_point, "low": low, "high": high, "seconds": seconds}
    return {k: np.array(float(np.ravel(v)[0])) for k, v in values.items()}


if __name__ == "__main__":
    which, source, target = sys.argv[1:]
    with np.load(source) as held:
        arrays = {k: held[k] for k in held.files}
    found = copula(arrays) if which == "copula" else effect(arrays)
    np.savez(target, allow_pickle=False, **found)
