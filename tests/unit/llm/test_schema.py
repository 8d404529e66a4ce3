"""Strict schemas hold what both providers enforce, and refuse at once what one of them would drop in silence."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from e2i_shared.errors import ConfigurationError
from e2i_shared.llm.schema import strict_schema
from pydantic import BaseModel, Field


class Leaf(BaseModel):
    name: Annotated[str, Field(max_length=5, pattern="^a")]
    kind: Literal["x", "y"]


class Tree(BaseModel):
    leaves: Annotated[list[Leaf], Field(max_length=3)]
    best: Leaf | None
    size: int | str


def test_every_field_is_required_and_nothing_else_is_allowed_at_any_depth():
    schema = strict_schema(Tree)

    assert (schema["required"], schema["additionalProperties"]) == (["leaves", "best", "size"], False)
    leaf = schema["$defs"]["Leaf"]
    assert (leaf["required"], leaf["additionalProperties"]) == (["name", "kind"], False)
    assert leaf["properties"]["kind"]["enum"] == ["x", "y"]


def test_bounds_are_left_to_our_own_check():
    assert not {"maxLength", "pattern", "maxItems", "title"} & set(str(strict_schema(Tree)).replace("'", " ").split())


class WithMap(BaseModel):
    values: dict[str, int]


class WithAny(BaseModel):
    value: Any


class WithDefault(BaseModel):
    value: int = 3


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class WithDiscriminator(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


@pytest.mark.parametrize("model", [WithMap, WithAny, WithDefault, WithDiscriminator])
def test_what_strict_output_cannot_hold_is_refused_with_its_place(model):
    with pytest.raises(ConfigurationError) as caught:
        strict_schema(model)

    assert caught.value.field.startswith(model.__name__)
