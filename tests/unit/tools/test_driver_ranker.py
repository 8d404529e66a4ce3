from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders_frames import context
from e2i_shared.causal.driver_ranking import rank
from e2i_shared.errors import (
    InsufficientDataError,
    NoVariationError,
    UnknownColumnError,
    UnprocessableError,
)
from e2i_shared.tools.driver_ranker import EXAMPLES, TOOL, Params, run
from vega_lite import assert_valid

ROLES = {"y": "outcome", "a": "treatment", "b": "treatment", "c": "treatment", "x": "covariate", "g": "segment"}


def world(seed: int = 1, n: int = 1200) -> dict[str, list[Any]]:
    """Return y = 3x + 1.0·a + 0.3·b + 0·c + noise; x moves every lever, and b moves with a."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    a = 0.8 * x + rng.normal(size=n)
    b = 0.6 * a + 0.5 * x + rng.normal(size=n)
    c = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    y = 3.0 * x + 1.0 * a + 0.3 * b + rng.normal(size=n) + 5
    named = {"x": x, "a": a, "b": b, "c": c, "y": y}
    return {name: values.tolist() for name, values in named.items()} | {"g": ["p" if i % 2 else "q" for i in range(n)]}


def ranked(columns: dict[str, list[Any]], **params: Any):
    roles = {k: v for k, v in ROLES.items() if k in columns}
    return run(Params(dataset="data", outcome_col="y", learner="linear", **params), context(columns, roles=roles))


def by_lever(result):
    return {driver.lever: driver for driver in result.drivers}


def test_each_lever_is_adjusted_for_the_others_and_for_confounders():
    found = by_lever(ranked(world(seed=2)))

    for lever, truth in (("a", 1.0), ("b", 0.3), ("c", 0.0)):
        assert abs(found[lever].effect - truth) <= 3 * found[lever].std_error
    assert [found[name].rank for name in ("a", "b", "c")] == [1, 2, 3]
    assert found["a"].significant
    assert not found["c"].significant


def test_without_adjustment_the_useless_lever_looks_useful():
    found = by_lever(ranked(world(), confounders=[]))

    assert found["c"].significant


def test_the_first_is_named_only_where_no_other_may_be_it():
    clear = ranked(world())
    close = world()
    close["b"] = [float(v) for v in np.random.default_rng(7).normal(size=1200)]
    close["y"] = [y + 1.63 * b for y, b in zip(close["y"], close["b"], strict=True)]

    assert clear.top_driver == "a"
    doubtful = ranked(close)
    assert doubtful.top_driver is None
    assert any("their order may be chance" in text for text in doubtful.warnings)


def test_scales_are_the_effect_times_what_they_say():
    columns = world()
    driver = by_lever(ranked(columns))["a"]
    values = np.array(columns["a"])

    assert driver.per_sd == pytest.approx(driver.effect * values.std(ddof=1))
    assert driver.contribution == pytest.approx(driver.effect * values.mean())
    assert driver.contribution_ci_lower <= driver.contribution <= driver.contribution_ci_upper


def test_the_scale_decides_the_order():
    columns = world()
    columns["b"] = [v / 100 for v in columns["b"]]

    assert by_lever(ranked(columns))["a"].rank == 1
    assert by_lever(ranked(columns, rank_by="per_unit"))["b"].rank == 1


def test_simultaneous_intervals_are_wider_than_single_ones():
    result = ranked(world())

    assert result.critical_value > 2.1
    assert all(driver.p_adjusted >= driver.p_value for driver in result.drivers)


def test_the_samples_levers_are_ranked_as_in_truth(sample, sample_context):
    params = Params.model_validate(EXAMPLES[0] | {"learner": "linear"})

    found = by_lever(run(params, sample_context))

    assert len(found) == 6
    for lever, driver in found.items():
        truth = sample.truth_for(lever, "trx", params.filters).effect
        assert abs(driver.effect - truth) <= 3.5 * driver.std_error, lever
    true_order = sorted(found, key=lambda k: -sample.truth_for(k, "trx", params.filters).effect * found[k].sd_level)
    for position, lever in enumerate(true_order, 1):
        assert found[lever].rank_best <= position <= found[lever].rank_worst
    assert found["rep_visits"].rank == 1


def test_a_lever_that_cannot_be_estimated_is_listed_not_hidden():
    columns = world()
    columns["c"] = [1.0 if i < 3 else 0.0 for i in range(1200)]

    result = ranked(columns)

    assert [each.lever for each in result.not_ranked] == ["c"]
    assert "one side is too small" in result.not_ranked[0].reason
    assert {driver.lever for driver in result.drivers} == {"a", "b"}


def test_rows_that_lack_a_lever_are_left_out_and_counted():
    columns = world()
    columns["a"] = [None if i < 25 else v for i, v in enumerate(columns["a"])]

    result = ranked(columns)

    assert result.n == 1175
    assert any("25 rows lack y or a lever" in text for text in result.warnings)


def test_clustered_rows_widen_the_errors():
    columns = {name: [v for v in values for _ in range(2)] for name, values in world(n=600).items()}
    columns["doctor"] = [f"d{i // 2:04d}" for i in range(1200)]
    roles = ROLES | {"doctor": "cluster"}
    params = Params(dataset="data", outcome_col="y", learner="linear")

    clustered = run(params, context(columns, roles=roles))
    naive = run(params, context({k: v for k, v in columns.items() if k != "doctor"}, roles=ROLES))

    assert clustered.n_clusters == 600
    assert by_lever(clustered)["a"].std_error > 1.2 * by_lever(naive)["a"].std_error


def test_a_lever_of_two_words_is_coded_and_said():
    columns = world()
    columns["c"] = ["yes" if v else "no" for v in columns["c"]]

    result = ranked(columns, levers=["a", "c"])

    assert any("'yes' is compared with c = 'no'" in text for text in result.assumptions)


def test_one_lever_alone_has_rank_one():
    (driver,) = ranked(world(), levers=["a"]).drivers

    assert (driver.rank, driver.rank_best, driver.rank_worst) == (1, 1, 1)


def test_the_same_seed_gives_the_same_ranking():
    assert ranked(world()) == ranked(world())


@pytest.mark.parametrize(
    ("params", "error", "field"),
    [
        ({"levers": ["y"]}, UnprocessableError, "levers"),
        ({"levers": ["nothing like it"]}, UnknownColumnError, None),
        ({"confounders": ["a"]}, UnprocessableError, "confounders"),
        ({"confounders": ["y"]}, UnprocessableError, "confounders"),
        ({"filters": [{"column": "x", "op": "gt", "value": 99}]}, InsufficientDataError, "filters"),
    ],
)
def test_what_cannot_be_ranked_is_refused(params, error, field):
    with pytest.raises(error) as caught:
        ranked(world(n=200), **params)
    if field:
        assert caught.value.field == field


def test_text_has_no_effect_on_anything():
    ctx = context(world(n=100), roles=ROLES)

    with pytest.raises(UnprocessableError) as caught:
        run(Params(dataset="data", outcome_col="g"), ctx)
    assert caught.value.field == "outcome_col"


def test_without_a_treatment_the_levers_must_be_named():
    columns = {name: world(n=100)[name] for name in ("x", "y")}

    with pytest.raises(UnprocessableError) as caught:
        run(Params(dataset="data", outcome_col="y"), context(columns, roles={"x": "covariate", "y": "outcome"}))
    assert caught.value.field == "levers"
    assert "x" in caught.value.candidates


def test_if_no_lever_can_be_estimated_the_reason_is_raised():
    columns = world(n=200) | {"a": [1.0] * 200}

    with pytest.raises(NoVariationError):
        ranked(columns, levers=["a"])


def test_ranks_of_equal_effects_are_all_open_and_of_far_ones_all_settled():
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(2000, 4))
    errors = scores.std(axis=0, ddof=1) / np.sqrt(2000)

    def ranks(effects: list[float]) -> Any:
        shifted = scores - scores.mean(axis=0) + effects
        return rank(shifted, np.array(effects), errors, np.ones(4), None)

    equal, far = ranks([1.0, 1.001, -1.002, 0.999]), ranks([1.0, -3.0, 2.0, 0.0])
    assert (equal.best == 1).all()
    assert (equal.worst == 4).all()
    assert far.rank.tolist() == [3, 1, 2, 4]
    assert (far.best == far.rank).all()
    assert (far.worst == far.rank).all()


def test_rank_intervals_hold_the_true_ranks():
    rng = np.random.default_rng(4)
    truth, held = np.array([1.0, 0.9, 0.5, 0.45]), 0
    for draw in range(60):
        scores = truth + rng.normal(size=(400, 4))
        found = rank(scores, scores.mean(axis=0), scores.std(axis=0, ddof=1) / 20, np.ones(4), None, seed=draw)
        held += bool(((found.best <= [1, 2, 3, 4]) & (found.worst >= [1, 2, 3, 4])).all())

    assert held >= 54


def test_the_pictures_show_every_lever():
    output = ranked(world()).model_dump(mode="json")

    for chart in TOOL.charts(output):
        assert_valid(chart)
        assert len(chart["data"]["values"]) == 3
