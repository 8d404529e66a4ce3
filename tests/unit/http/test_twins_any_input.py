"""Whatever is sent to the twins' routes, the answer is a reply or a problem, never a failure of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders_trained import JOB, SIMULATION, TWIN, seed_twins
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import TENANT, FakeWiring, body, request

from functions.api import handler as api
from functions.simulate import handler as simulator

if TYPE_CHECKING:
    from e2i_shared.ports import Tenant

QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SCALARS = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9) | WORDS
NAMES = st.sampled_from(["visits", "region", "trx", "North"]) | WORDS


@pytest.fixture
def tenant(wiring: FakeWiring) -> Tenant:
    made = wiring.tenant(TENANT)
    seed_twins(made)
    return made


def answered(handler: Any, made: dict[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = handler.handle(made, None)
    assert reply["statusCode"] < 500, reply["body"]
    if reply["statusCode"] >= 400:
        problem = body(reply)
        assert problem["detail"]
        assert "Traceback" not in reply["body"]
    return reply


@QUIET
@given(
    intervention=NAMES,
    config=st.dictionaries(
        st.sampled_from(["dose", "dose_change", "dose_change_pct", "uptake", "channel"]), SCALARS, max_size=2
    ),
    filters=st.lists(
        st.fixed_dictionaries(
            {
                "column": NAMES,
                "op": st.sampled_from(["eq", "ne", "lt", "ge", "in", "between"]),
                "value": SCALARS | st.lists(SCALARS, max_size=3),
            }
        ),
        max_size=2,
    ),
    count=st.integers(0, 700),
)
def test_any_simulation_is_answered_or_refused(
    tenant: Tenant, intervention: Any, config: Any, filters: Any, count: int
):
    asked = {
        "intervention_type": intervention,
        "intervention_config": config,
        "population_filters": filters,
        "twin_count": count,
    }
    reply = answered(simulator, request("POST", f"/digital-twins/{TWIN}/simulate", asked))
    if reply["statusCode"] == 200:
        found = body(reply)
        low, high = found["confidence_interval"]
        assert low <= found["simulated_ate"] <= high


@QUIET
@given(actual=SCALARS, interval=st.lists(SCALARS, max_size=3), error=SCALARS, size=SCALARS)
def test_any_actual_is_graded_or_refused(tenant: Tenant, actual: Any, interval: Any, error: Any, size: Any):
    told = {"simulation_id": SIMULATION, "actual_ate": actual, "actual_ci": interval or None, "actual_std_error": error}
    reply = answered(simulator, request("POST", "/digital-twin/validate", told | {"actual_sample_size": size}))
    if reply["statusCode"] == 201:
        assert body(reply)["fidelity_grade"] in {"excellent", "good", "fair", "poor"}


@QUIET
@given(
    kind=st.sampled_from(["create", "set", "add", "remove"]),
    entity=WORDS,
    values=st.dictionaries(NAMES, SCALARS, max_size=3),
)
def test_any_event_makes_a_version_or_is_refused(tenant: Tenant, kind: str, entity: str, values: Any):
    told = {"entity": entity, "event_id": "e1", "kind": kind, "values": values}
    answered(simulator, request("POST", f"/digital-twins/{TWIN}/events", told))


@QUIET
@given(
    name=WORDS,
    outcome=NAMES,
    interventions=st.lists(NAMES, max_size=3),
    twins=SCALARS,
    monotone=st.dictionaries(NAMES, NAMES, max_size=1),
)
def test_any_training_is_taken_or_refused(
    tenant: Tenant, name: str, outcome: str, interventions: Any, twins: Any, monotone: Any
):
    asked = {"name": name, "twin_type": "hcp", "brand": name, "dataset": "trial", "outcome": outcome}
    asked |= {"interventions": interventions, "twins": twins, "monotone": monotone}
    answered(api, request("POST", "/digital-twins/generate", asked))


@QUIET
@given(wanted=WORDS)
def test_any_id_is_found_or_not(tenant: Tenant, wanted: str):
    plain = "".join(c for c in wanted if c not in "/?#") or "x"
    for path in ("/digital-twins/{}", "/digital-twins/{}/versions", "/jobs/{}", "/digital-twin/simulations/{}"):
        assert answered(api, request("GET", path.format(plain)))["statusCode"] in {400, 404, 422}


@pytest.mark.parametrize("raw", ["", "[]", "{", "null", '{"intervention_type": "visits", "seed": 1e999}', '"visits"'])
@pytest.mark.parametrize(
    "path", [f"/digital-twins/{TWIN}/simulate", "/digital-twin/simulate", "/digital-twin/validate"]
)
def test_a_body_that_is_no_request_is_a_4xx(tenant: Tenant, raw: str, path: str):
    assert 400 <= answered(simulator, request("POST", path, raw=raw))["statusCode"] < 500


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "101"}, {"cursor": "x"}, {"twin_type": "drug"}, {"active": "maybe"}, {"guess": "1"}],
)
def test_a_list_asked_wrongly_is_a_4xx(tenant: Tenant, query: dict[str, str]):
    reply = answered(api, request("GET", "/digital-twins", query=query))
    assert reply["statusCode"] in {200, 400, 422}
    assert reply["statusCode"] != 200 or "guess" in query


def test_the_same_idempotency_key_trains_once(tenant: Tenant):
    asked = {
        "name": "n",
        "twin_type": "hcp",
        "brand": "b",
        "dataset": "trial",
        "outcome": "trx",
        "interventions": ["visits"],
    }
    made = request("POST", "/digital-twins/generate", asked, idempotency_key="once")

    first, again = api.handle(made, None), api.handle(made, None)

    assert body(first)["job_id"] == body(again)["job_id"]
    other = request("POST", "/digital-twins/generate", asked | {"name": "m"}, idempotency_key="once")
    assert api.handle(other, None)["statusCode"] == 409


def test_a_viewer_reads_and_does_nothing_else(tenant: Tenant):
    for handler, method, path in (
        (simulator, "POST", f"/digital-twins/{TWIN}/simulate"),
        (simulator, "POST", "/digital-twin/validate"),
        (simulator, "POST", f"/digital-twins/{TWIN}/events"),
        (api, "POST", f"/digital-twins/{TWIN}/activate"),
        (api, "POST", f"/jobs/{JOB}/cancel"),
        (api, "DELETE", f"/digital-twins/{TWIN}"),
    ):
        assert handler.handle(request(method, path, {}, role="viewer"), None)["statusCode"] == 403
    assert api.handle(request("GET", f"/digital-twins/{TWIN}", role="viewer"), None)["statusCode"] == 200
    assert api.handle(request("DELETE", f"/digital-twins/{TWIN}", role="admin"), None)["statusCode"] == 403
