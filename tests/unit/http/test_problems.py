"""Errors become problem documents that tell the caller what to do, and tell nobody what is inside."""

from __future__ import annotations

import inspect
from typing import Annotated
from uuid import UUID

import pytest
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from e2i_shared import errors
from e2i_shared.api.common import Problem
from e2i_shared.http.problems import CONTENT_TYPE, InvalidRequestError, to_response
from logs import logged
from pydantic import AfterValidator, BaseModel, Field, ValidationError, field_validator

ALL = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, errors.E2IError)]


def problem(error: Exception) -> Problem:
    response = to_response(error, "corr-1")
    return Problem.model_validate_json(response.body or "")


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_becomes_a_valid_problem(kind: type[errors.E2IError]):
    response = to_response(kind("It cannot be."), "corr-1")

    found = Problem.model_validate_json(response.body or "")

    assert response.content_type == CONTENT_TYPE
    assert found.status == response.status_code
    assert found.correlation_id == "corr-1"
    assert found.type.startswith("urn:e2i:problem:")
    assert (400 <= found.status < 500) == issubclass(kind, errors.InputError)


def test_the_field_the_candidates_and_the_hint_reach_the_caller():
    found = problem(
        errors.UnknownColumnError(
            "No column is called visist.",
            field="treatment",
            expected="a column",
            got="visist",
            candidates=["visits"],
            hint="Use visits.",
        )
    )
    assert found.detail == "No column is called visist."
    assert found.hint == "Use visits."
    assert [(e.field, e.message, e.candidates) for e in found.errors] == [
        ("treatment", "expected a column, got visist", ["visits"])
    ]


def test_a_bad_row_of_a_file_comes_with_its_line():
    found = problem(errors.BadFileError("Row 7 has 3 fields.", line=7, expected="2 fields", got="3"))
    assert found.errors[0].message == "line 7, expected 2 fields, got 3"


def test_a_full_disk_inside_is_a_503_on_the_wire():
    response = to_response(errors.StorageFullError("No room."), "c")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "2"


def test_too_many_requests_says_when_to_come_back():
    response = to_response(errors.RateLimitedError("Slow down.", retry_after=7), "c")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")


def test_no_token_says_which_kind_is_wanted():
    assert to_response(errors.UnauthenticatedError("No token."), "c").headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "error",
    [
        KeyError("SELECT secret FROM rows"),
        errors.ContractError("patient 17"),
        errors.ConfigurationError("E2I_DATABASE_URL=x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_the_callers_fault_is_told_without_details_and_logged(error: Exception):
    with logged() as lines:
        found = problem(error)

    assert found.status == 500
    assert "correlation id" in found.detail
    assert str(error.args[0]) not in found.model_dump_json()
    assert [line["error_type"] for line in lines] == [type(error).__name__]


def test_a_request_outside_the_schema_lists_each_field_and_the_allowed_values():
    invalid = RequestValidationError(
        [
            {"type": "missing", "loc": ("body", "query"), "msg": "Field required"},
            {
                "type": "enum",
                "loc": ("body", "role"),
                "msg": "Input should be 'id' or 'time'",
                "ctx": {"expected": "'id' or 'time'"},
            },
        ]
    )
    found = problem(invalid)
    assert found.status == 422
    assert [(e.field, e.candidates) for e in found.errors] == [("query", []), ("role", ["id", "time"])]
    assert "query: Field required" in found.detail


class Asked(BaseModel):
    """A request with bounds of each kind."""

    id: UUID
    query: Annotated[str, AfterValidator(str.strip), Field(min_length=1, max_length=4)]
    size: int

    @field_validator("size")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("give an even number")
        return value


@pytest.mark.parametrize(
    ("query", "said"), [("", "at least 1 character, got 0"), ("why so", "at most 4 characters, got 6")]
)
def test_what_is_wrong_is_said_in_words_of_the_request(query: str, said: str):
    with pytest.raises(ValidationError) as refused:
        Asked.model_validate({"id": "x", "query": query, "size": 3})

    found = problem(InvalidRequestError([e | {"loc": ("body", *e["loc"])} for e in refused.value.errors()]))

    assert found.detail == f"id: expected an id (a UUID); query: expected {said}; size: give an even number"
