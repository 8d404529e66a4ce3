"""Shapes shared by all routes: the base model, filters, problems and pages."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
Json = dict[str, Any]
Scalar = str | int | float | bool
FilterOp = Literal["eq", "ne", "lt", "le", "gt", "ge", "in", "between"]


class Wire(BaseModel):
    """Base of every wire model: frozen, no unknown fields. Each is built when first used: most functions import more than they use."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


class Filter(Wire):
    """One condition on a column; ``value`` is a list for ``in`` and ``between`` (two bounds, inclusive)."""

    column: Annotated[str, Field(min_length=1, max_length=200)]
    op: FilterOp = "eq"
    value: Scalar | list[Scalar] = Field(description="what the column is compared with, in its own unit")


class FieldProblem(Wire):
    """What is wrong with one field of a request."""

    field: str
    message: str
    candidates: list[str] = []


class Problem(Wire):
    """RFC 9457 problem details (``application/problem+json``)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []
    hint: str | None = None
    correlation_id: str


class PageQuery(Wire):
    """Keyset pagination: ``cursor`` is the opaque ``next_cursor`` of the page before."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: str | None = None


class Page(Wire, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = None
