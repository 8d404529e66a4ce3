"""Each example event is served as its name says: a number at the end is the status, none means success."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
from e2i_shared import bootstrap
from e2i_shared.http import permissions
from e2i_shared.http.one_route import OneRoute
from world import COMPOSITION, EVENTS, TENANT, FakeWiring, event, seed, seed_to_control

from infra.functions import all_functions

HTTP = sorted(
    path
    for path in EVENTS.glob("*/*.json")
    if path.parent.name in {"classify", "api", "run_tool", "simulate", "fidelity_check"}
)
LOADING = {"load_dataset", "load_dataset_with_a_bad_row_422"}  # replayed over Postgres
CASES = [
    (path.parent.name, path.stem) for path in HTTP if path.stem not in LOADING | {"execute_step", "queued", "tick"}
]


def expected(case: str) -> int | None:
    found = re.search(r"_(\d{3})$", case)
    return int(found[1]) if found else None


def serve(function: str, case: str) -> dict[str, Any]:
    handler = importlib.import_module(f"functions.{function}.handler")
    reply: dict[str, Any] = handler.handle(event(function, case), None)
    return reply


@pytest.fixture
def _seeded(wiring: FakeWiring) -> None:
    seed(wiring.tenant(TENANT))
    seed_to_control(wiring.tenant(TENANT))


@pytest.mark.usefixtures("_seeded")
@pytest.mark.parametrize(("function", "case"), CASES, ids=map("/".join, CASES))
def test_an_event_gets_the_status_its_name_says(function: str, case: str):
    reply = serve(function, case)

    assert reply["headers"]["X-Correlation-Id"] == "event-replay"
    if expected(case):
        assert reply["statusCode"] == expected(case), reply["body"]
        assert reply["headers"]["Content-Type"] == "application/problem+json"
    else:
        assert 200 <= reply["statusCode"] < 300, reply["body"]


def test_every_route_has_an_example_that_succeeds():
    shown = set()
    for path in HTTP:
        made = event(path.parent.name, path.stem)
        if not expected(path.stem) and "requestContext" in made:
            shown.add(permissions.match(made["requestContext"]["http"]["method"], made["rawPath"]))
    assert shown == set(permissions.MATRIX)


@pytest.mark.parametrize("function", all_functions(), ids=lambda function: function.name)
def test_every_function_serves_exactly_the_routes_described(function):
    if not function.routes:
        return
    application = importlib.import_module(f"functions.{function.name}.handler").app
    routes = (
        [application.resolver]
        if isinstance(application.resolver, OneRoute)
        else application.resolver._static_routes + application.resolver._dynamic_routes
    )
    served = {(route.method, re.sub(r"<(\w+)>", r"{\1}", route.path)) for route in routes}
    assert served == {(route.method, route.path) for route in function.routes}


@pytest.mark.parametrize("function", all_functions(), ids=lambda function: function.name)
def test_every_function_has_example_events(function):
    assert list((EVENTS / function.name).glob("*.json"))


def test_the_composition_of_the_examples_is_that_of_the_seed(wiring: FakeWiring):
    seed(wiring.tenant(TENANT))
    assert bootstrap.for_tenant(TENANT).compositions.get(COMPOSITION).composition_id == COMPOSITION
