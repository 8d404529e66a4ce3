"""What a language model must answer when it plans: steps whose inputs are slots, literals or references, never columns or maps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(max_length=100)]
Text = Annotated[str, Field(max_length=200)]
Kind = Literal["number", "text", "flag", "list", "slot", "slots", "fields", "ref", "draft"]


class FieldDraft(BaseModel):
    """A field of an input that is an object: exactly one of the three is not null."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    number: float | None
    text: Text | None
    flag: bool | None


class InputDraft(BaseModel):
    """An input: ``kind`` says which of the others holds it, the rest are null.

    ``draft`` takes over the value that the rules' draft gave this input in its step ``step``.
    """

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: Kind
    number: float | None
    text: Text | None
    flag: bool | None
    items: Annotated[list[Text], Field(max_length=50)] | None
    fields: Annotated[list[FieldDraft], Field(max_length=12)] | None
    step: int | None
    path: Text | None


class StepDraft(BaseModel):
    """A tool call; steps are numbered by their place, from 1."""

    model_config = ConfigDict(extra="forbid")

    tool: Name
    serves: Name
    inputs: Annotated[list[InputDraft], Field(max_length=30)]


class PlanDraft(BaseModel):
    """The whole plan."""

    model_config = ConfigDict(extra="forbid")

    steps: Annotated[list[StepDraft], Field(min_length=1, max_length=25)]
