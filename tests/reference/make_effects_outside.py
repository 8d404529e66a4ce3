"""Write effects_outside.json: effects by statsmodels and DoubleML on published data and one made panel, for other methods.

Run by hand in an environment with these libraries: ``python tests/reference/make_effects_outside.py``. Nothing of this project is
imported; the panel is written beside the values, so that both sides see the same numbers.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import causaldata
import doubleml
import numpy as np
import pandas as pd
import statsmodels
import statsmodels.formula.api as smf
from sklearn.linear_model import LinearRegression, LogisticRegression

NSW = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")
NHEFS = "C(sex) + C(race) + C(education) + C(exercise) + C(active) + age + smokeintensity + smokeyrs + wt71"


def lin() -> dict[str, object]:
    """Least squares with centred covariates and products, HC2, on the NSW experiment."""
    data = causaldata.nsw_mixtape.load_pandas().data.copy()
    for name in NSW:
        data[name] = data[name].astype(float) - data[name].mean()
    fit = smf.ols(f"re78 ~ treat * ({' + '.join(NSW)})", data).fit(cov_type="HC2")
    return row("NSW, regression adjustment", fit.params["treat"], fit.bse["treat"])


def hajek() -> dict[str, object]:
    """Inverse-probability weights that sum to one in each arm, by logistic regression, on NHEFS."""
    data = causaldata.nhefs_complete.load_pandas().data
    p = smf.logit(f"qsmk ~ {NHEFS}", data).fit(disp=0).predict(data)
    weights = np.where(data.qsmk == 1, 1 / p, 1 / (1 - p))
    fit = smf.wls("wt82_71 ~ qsmk", data, weights=weights).fit(cov_type="HC1")
    return row("NHEFS, ipw", fit.params["qsmk"], fit.bse["qsmk"])


def slope() -> dict[str, object]:
    """DoubleML's partially linear regression with linear learners, 5 folds 20 times, on NHEFS."""
    data = causaldata.nhefs_complete.load_pandas().data
    names = ("sex", "race", "education", "exercise", "active")
    x = pd.get_dummies(
        data[[*names, "age", "smokeintensity", "smokeyrs", "wt71"]].astype(dict.fromkeys(names, str)), dtype=float
    )
    x = (x - x.mean()) / x.std()
    np.random.seed(1)  # noqa: NPY002 - DoubleML draws its folds from the global state
    frame = doubleml.DoubleMLData.from_arrays(x.to_numpy(), data.wt82_71.to_numpy(), data.qsmk.to_numpy())
    fit = doubleml.DoubleMLPLR(frame, LinearRegression(), LinearRegression(), n_folds=5, n_rep=20).fit()
    return row("NHEFS, partially linear", fit.coef[0], fit.se[0])


def panel() -> dict[str, list[float]]:
    """Return 600 units before and after, adopters drawn by a covariate that also moves the trend."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(600, 2))
    d = (rng.random(600) < 1 / (1 + np.exp(-0.7 * x[:, 0]))).astype(float)
    before = x[:, 0] + rng.normal(size=600)
    after = before + 0.5 + 0.6 * x[:, 0] - 0.3 * x[:, 1] + d * (1 + 0.4 * x[:, 0]) + rng.normal(size=600)
    columns = {"d": d, "x0": x[:, 0], "x1": x[:, 1], "before": before, "after": after}
    return {name: [round(float(v), 6) for v in values] for name, values in columns.items()}


def differences(data: dict[str, list[float]]) -> list[dict[str, object]]:
    """DoubleML's doubly robust difference in differences (Sant'Anna & Zhao 2020) and the plain one, on the panel."""
    d, x = np.array(data["d"]), np.column_stack([data["x0"], data["x1"]])
    change = np.array(data["after"]) - np.array(data["before"])
    np.random.seed(1)  # noqa: NPY002 - DoubleML draws its folds from the global state
    frame = doubleml.DoubleMLDIDData.from_arrays(x, change, d)
    fit = doubleml.DoubleMLDID(
        frame, LinearRegression(), LogisticRegression(C=1e6), score="observational", n_folds=5, n_rep=20
    ).fit()
    ones, zeros = change[d == 1], change[d == 0]
    error = np.sqrt(ones.var(ddof=1) / len(ones) + zeros.var(ddof=1) / len(zeros))
    return [
        row("panel, doubly robust", fit.coef[0], fit.se[0]),
        row("panel, plain", ones.mean() - zeros.mean(), error),
    ]


def row(what: str, estimate: float, std_error: float) -> dict[str, object]:
    """Return one value, to six digits."""
    return {"what": what, "estimate": round(float(estimate), 6), "std_error": round(float(std_error), 6)}


def main() -> None:
    """Write all values beside the panel."""
    warnings.simplefilter("ignore")
    data = panel()
    values = [lin(), hajek(), slope(), *differences(data)]
    provenance = f"statsmodels {statsmodels.__version__}, DoubleML {doubleml.__version__}, causaldata nsw_mixtape, nhefs_complete"
    found = {"provenance": provenance, "values": values, "panel": data}
    Path(__file__).with_name("effects_outside.json").write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
