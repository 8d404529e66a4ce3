"""What came true, taken from an experiment's own analysis or told by the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders_trained import SIMULATION, TWIN, seed_twins
from e2i_shared.ids import new_id
from world import TENANT, FakeWiring, body, request

from functions.simulate import handler as simulator

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant

FOUND = {"estimate": 2.4, "std_error": 0.2, "confidence_interval": [2.0, 2.8], "sample_size": 800, "p_value": 1e-9}


@pytest.fixture
def tenant(wiring: FakeWiring) -> Tenant:
    made = wiring.tenant(TENANT)
    seed_twins(made)
    return made


def experiment(tenant: Tenant, result: Any, outcome: str | None = "trx", status: str = "analyzed") -> str:
    made = new_id()
    tenant.twins.simulations._held.experiments[made] = (status, outcome, result)
    return made


def validate(**told: Any) -> tuple[int, Any]:
    reply = simulator.handle(request("POST", "/digital-twin/validate", {"simulation_id": SIMULATION, **told}), None)
    return reply["statusCode"], body(reply)


@pytest.mark.parametrize("outcome", ["trx", None])
def test_the_actual_effect_is_that_of_the_experiment_s_analysis(tenant: Tenant, outcome: str | None):
    made = experiment(tenant, FOUND, outcome)

    status, found = validate(actual_experiment_id=made)

    assert status == 201
    assert (found["actual_ate"], found["actual_ci"], found["actual_std_error"]) == (2.4, [2.0, 2.8], 0.2)
    assert (found["actual_sample_size"], found["actual_experiment_id"]) == (800, made)
    assert found["error"] == pytest.approx(found["simulated_ate"] - 2.4)
    assert tenant.twins.models.get(TWIN).fidelity_sample_count == 1


def test_an_analysis_without_an_error_still_says_what_came_true(tenant: Tenant):
    found = validate(actual_experiment_id=experiment(tenant, {"estimate": 2.4}))[1]
    assert (found["actual_ate"], found["actual_std_error"], found["actual_ci"]) == (2.4, 0.0, None)


def test_what_the_caller_tells_comes_before_the_analysis(tenant: Tenant):
    made = experiment(tenant, FOUND)
    found = validate(actual_experiment_id=made, actual_ate=1.0)[1]
    assert (found["actual_ate"], found["actual_experiment_id"]) == (1.0, made)


@pytest.mark.parametrize(
    ("result", "outcome", "status", "words", "field"),
    [
        (None, "trx", "running", "no analysis yet", "actual_experiment_id"),
        (FOUND, "nrx", "analyzed", "another outcome", "actual_experiment_id"),
        ({"estimate": "much"}, "trx", "analyzed", "cannot be read", "primary.estimate"),
        ({"std_error": 0.1}, "trx", "analyzed", "cannot be read", "primary.estimate"),
        (FOUND | {"estimate": float("nan")}, "trx", "analyzed", "cannot be read", "primary.estimate"),
        ([1], "trx", "analyzed", "cannot be read", "primary"),
    ],
)
def test_an_experiment_that_cannot_say_is_a_conflict_that_says_why(
    tenant: Tenant, result: Any, outcome: str, status: str, words: str, field: str
):
    code, problem = validate(actual_experiment_id=experiment(tenant, result, outcome, status))

    assert code == 409
    assert words in problem["detail"]
    (error,) = problem["errors"]
    assert error["field"] == field
    assert "expected" in error["message"]
    assert "got" in error["message"]
    assert "actual_ate" in problem["hint"]
    assert tenant.twins.simulations.validations(TWIN) == []


@pytest.mark.parametrize("experiment_id", ["01a1ff18-815f-7176-bb8d-1c8fc60ff6e1", "no-uuid"])
def test_an_experiment_that_does_not_exist_is_not_found(tenant: Tenant, experiment_id: str):
    assert validate(actual_experiment_id=experiment_id)[0] == 404


@pytest.mark.parametrize(
    "told",
    [{}, {"actual_ci": [1, 2]}, {"actual_experiment_id": new_id(), "actual_std_error": 0.1}],
    ids=["nothing", "an interval alone", "an error of nothing"],
)
def test_without_an_effect_or_an_experiment_there_is_nothing_to_compare(tenant: Tenant, told: dict[str, Any]):
    code, problem = validate(**told)
    assert code == 422
    assert "actual_ate" in str(problem["errors"])


def test_an_effect_of_nearly_zero_from_an_experiment_is_graded_in_standard_deviations(tenant: Tenant):
    found = validate(actual_experiment_id=experiment(tenant, {"estimate": 0.0, "std_error": 0.1}))[1]

    assert found["relative_error"] is None
    size = abs(found["error"]) / (0.2 * found["outcome_sd"])
    assert found["fidelity_grade"] == ("poor" if size >= 0.35 else "fair")
