"""Who may do what: the matrix covers every route described, and denies by default."""

from __future__ import annotations

import pytest
from e2i_shared.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from e2i_shared.http import permissions
from e2i_shared.http.caller import Role, authenticate
from hypothesis import given
from hypothesis import strategies as st

from infra.functions import all_functions

TENANT = "00000000-0000-7000-8000-000000000001"
DESCRIBED = {(route.method, route.path): route for function in all_functions() for route in function.routes}


def claims(role: str | None = "member", tenant: str | None = TENANT) -> dict[str, str]:
    given = {"sub": "anna", "tenant_id": tenant, "role": role}
    return {name: value for name, value in given.items() if value is not None}


def test_every_described_route_has_its_role_and_no_other_route_has_one():
    assert set(permissions.MATRIX) == set(DESCRIBED)


@pytest.mark.parametrize("route", DESCRIBED, ids=" ".join)
def test_a_route_is_public_exactly_where_the_description_says_so(route: tuple[str, str]):
    assert (permissions.MATRIX[route] is Role.NOBODY) == DESCRIBED[route].public


def test_what_costs_more_is_a_route():
    assert set(permissions.COSTLY) <= set(permissions.MATRIX)


def test_reading_needs_no_more_than_a_viewer():
    held_back = {"/api/v1/admin/usage": Role.ADMIN, "/api/v1/admin/queues": Role.ADMIN}
    reading = {path: role for (method, path), role in permissions.MATRIX.items() if method == "GET"}
    assert {path: role for path, role in reading.items() if role > Role.VIEWER} == held_back


def test_changing_anything_needs_at_least_a_member():
    changing = [role for (method, _), role in permissions.MATRIX.items() if method != "GET"]
    assert min(changing) is Role.MEMBER


def test_only_an_owner_deletes_data():
    deleting = {role for (method, _), role in permissions.MATRIX.items() if method == "DELETE"}
    assert deleting == {Role.OWNER}


@pytest.mark.parametrize("role", [role for role in Role if role])
@pytest.mark.parametrize("needed", [role for role in Role if role])
def test_a_role_may_do_what_it_and_the_lower_ones_may(role: Role, needed: Role):
    if role >= needed:
        assert authenticate(claims(role.name.lower()), needed, "c").role is role
    else:
        with pytest.raises(ForbiddenError, match=role.name.lower()):
            authenticate(claims(role.name.lower()), needed, "c")


def test_no_token_is_401_even_for_the_lowest_role():
    with pytest.raises(UnauthenticatedError):
        authenticate({}, Role.VIEWER, "c")


def test_a_public_route_needs_no_token_and_names_no_tenant():
    assert authenticate({}, Role.NOBODY, "c").tenant_id == ""


@pytest.mark.parametrize("tenant", [None, "", "default", "00000000-0000-7000-8000-00000000000"])
def test_a_token_without_a_tenant_is_401(tenant: str | None):
    with pytest.raises(UnauthenticatedError, match="tenant"):
        authenticate(claims(tenant=tenant), Role.VIEWER, "c")


@pytest.mark.parametrize("role", [None, "", "root", "nobody", "OWNERS"])
def test_a_role_nobody_knows_is_403(role: str | None):
    with pytest.raises(ForbiddenError, match="not known"):
        authenticate(claims(role), Role.VIEWER, "c")


def test_cognitos_custom_claims_are_read_too():
    who = authenticate({"sub": "anna", "custom:tenant_id": TENANT, "custom:role": "admin"}, Role.ADMIN, "c")
    assert (who.tenant_id, who.role) == (TENANT, Role.ADMIN)


@pytest.mark.parametrize(("method", "template"), DESCRIBED, ids=" ".join)
def test_a_path_is_matched_to_its_own_template(method: str, template: str):
    import re

    path = re.sub(r"\{\w+\}", "0199-x", template)
    assert permissions.match(method, path) == (method, template)


def test_a_fixed_path_wins_over_a_parameter():
    assert permissions.match("GET", "/api/v1/classifications/accuracy")[1].endswith("/accuracy")


@given(st.sampled_from(["GET", "POST", "PUT", "DELETE", "TRACE"]), st.text(max_size=60))
def test_a_path_nobody_described_is_not_found(method: str, tail: str):
    path = f"/api/v1/nowhere/{tail}"
    with pytest.raises(NotFoundError):
        permissions.match(method, path)
