"""Write groups_outside.json: the effect of quitting smoking on weight by sex by EconML, and what DoWhy's refuters make of it.

Run by hand in an environment with these libraries: ``python tests/reference/make_groups_outside.py``. Nothing of this project is
imported.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import causaldata
import dowhy
import econml
import numpy as np
import pandas as pd
from econml.dr import LinearDRLearner
from sklearn.linear_model import LogisticRegressionCV, RidgeCV

NUMBERS = ["age", "smokeintensity", "smokeyrs", "wt71"]
NAMES = ["sex", "race", "education", "exercise", "active"]


def table() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the study and its standardised covariates."""
    data = causaldata.nhefs_complete.load_pandas().data
    x = pd.get_dummies(data[[*NAMES, *NUMBERS]].astype(dict.fromkeys(NAMES, str)), dtype=float, drop_first=True)
    return data, (x - x.mean()) / x.std()


def by_sex() -> list[dict[str, object]]:
    """Return the mean effect and its standard error in each sex: doubly robust, 5 folds, median of 10 splits."""
    data, x = table()
    sex = data.sex.astype(float).to_numpy()
    learner = LinearDRLearner(
        model_propensity=LogisticRegressionCV(Cs=10, max_iter=5000),
        model_regression=RidgeCV(np.logspace(-3, 3, 13)),
        cv=5,
        mc_iters=10,
        random_state=1,
    )
    learner.fit(data.wt82_71.to_numpy(), data.qsmk.to_numpy(), X=sex[:, None], W=x.to_numpy())
    found = learner.effect_inference(np.array([[0.0], [1.0]]))
    return [
        {"what": f"NHEFS, sex {group}", "estimate": round(float(value), 6), "std_error": round(float(error), 6)}
        for group, value, error in zip((0, 1), found.point_estimate, found.stderr, strict=True)
    ]


def refuted() -> list[dict[str, object]]:
    """Return what DoWhy's linear estimate becomes with a random common cause and on subsets of 80%."""
    data, x = table()
    frame = x.assign(qsmk=data.qsmk.astype(bool), wt82_71=data.wt82_71)
    frame.columns = [str(name).replace(".", "_").replace(" ", "_") for name in frame.columns]
    causes = [name for name in frame.columns if name not in {"qsmk", "wt82_71"}]
    model = dowhy.CausalModel(frame, treatment="qsmk", outcome="wt82_71", common_causes=causes)
    estimand = model.identify_effect(proceed_when_unidentifiable=True)
    fit = model.estimate_effect(estimand, method_name="backdoor.linear_regression")
    found = [{"what": "NHEFS, linear regression", "estimate": round(float(fit.value), 6)}]
    for name, more in (("random_common_cause", {}), ("data_subset_refuter", {"subset_fraction": 0.8})):
        made = model.refute_estimate(estimand, fit, method_name=name, num_simulations=100, random_seed=1, **more)
        found.append({"what": f"NHEFS, {name}", "estimate": round(float(made.new_effect), 6)})
    return found


def main() -> None:
    """Write the values beside this script."""
    warnings.simplefilter("ignore")
    provenance = f"EconML {econml.__version__}, DoWhy {dowhy.__version__}, causaldata nhefs_complete"
    target = Path(__file__).with_name("groups_outside.json")
    target.write_text(
        json.dumps({"provenance": provenance, "values": by_sex() + refuted()}, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
