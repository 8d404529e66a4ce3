"""The product's functions, some with a handler that may misbehave."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from tiny.descriptions import AWS

from infra.functions import FunctionDescription, all_functions


@dataclass(frozen=True, slots=True)
class Faulty(FunctionDescription):
    """A function of the product whose handler is in this package."""

    misbehaving: str = ""

    @property
    def handler(self) -> str:
        return f"faulty.handlers.{self.misbehaving}"


MISBEHAVING = ("compose_step", "run_tool", "relay", "composition_status")


def described() -> tuple[FunctionDescription, ...]:
    """Return all functions, the faulty ones in the place of the real, and one that calls AWS for a test."""
    return (*(_faulty(each) for each in all_functions()), AWS)


def _faulty(each: FunctionDescription) -> FunctionDescription:
    if each.name not in MISBEHAVING:
        return each
    values = {field.name: getattr(each, field.name) for field in fields(FunctionDescription)}
    if each.queue is not None:
        values["queue"] = replace(each.queue, visibility_seconds=2)  # what fails comes back while a test waits
    return Faulty(**values, misbehaving=each.name)
