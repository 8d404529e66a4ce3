"""Write nhefs_outside.json: the effect of quitting smoking on weight, by statsmodels, on the data of causaldata.

Run by hand: ``python tests/reference/make_nhefs_outside.py``. Nothing of this project is imported.
"""

from __future__ import annotations

import json
from pathlib import Path

import causaldata
import numpy as np
import statsmodels
import statsmodels.formula.api as smf

COVARIATES = (
    "C(sex) + C(race) + C(education) + C(exercise) + C(active) + age + I(age**2) + smokeintensity + I(smokeintensity**2)"
    " + smokeyrs + I(smokeyrs**2) + wt71 + I(wt71**2)"
)


def main() -> None:
    """Fit outcome regression and stabilised inverse-probability weights, as in What If, chapters 12 and 15."""
    data = causaldata.nhefs_complete.load_pandas().data
    regression = smf.ols(f"wt82_71 ~ qsmk + {COVARIATES}", data).fit(cov_type="HC1")
    p = smf.logit(f"qsmk ~ {COVARIATES}", data).fit(disp=0).predict(data)
    share = data.qsmk.mean()
    weights = np.where(data.qsmk == 1, share / p, (1 - share) / (1 - p))
    weighted = smf.wls("wt82_71 ~ qsmk", data, weights=weights).fit(cov_type="HC1")
    values = [
        {"what": what, "estimate": round(float(fit.params["qsmk"]), 6), "std_error": round(float(fit.bse["qsmk"]), 6)}
        for what, fit in (("outcome regression", regression), ("stabilised inverse-probability weights", weighted))
    ]
    found = {"provenance": f"statsmodels {statsmodels.__version__}, causaldata nhefs_complete", "values": values}
    target = Path(__file__).with_name("nhefs_outside.json")
    target.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
