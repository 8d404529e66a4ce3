"""One JSON Schema for both providers' strict structured output, made from a pydantic model.

Strict modes know objects with fixed fields only: every field required, no other fields, no defaults, no maps, no ``Any``, no
``oneOf``. What they would silently drop or reject is refused here, when the model is written. Bounds and patterns are left out of what
is sent (one provider moves them into the description, where nothing enforces them): they are checked on the answer, by pydantic.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from e2i_shared.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from e2i_shared.api.common import Json

_KEPT = {"type", "properties", "items", "anyOf", "enum", "const", "description", "$ref", "required", "$defs"}
_REFUSED = ("oneOf", "discriminator", "patternProperties", "prefixItems", "allOf")


@cache
def strict_schema(model: type[BaseModel]) -> Json:
    """Return the schema of a model; raise ConfigurationError where strict output cannot hold it."""
    made: Json = _strict(model.model_json_schema(mode="validation"), model.__name__)
    return made


def _strict(node: Any, place: str) -> Any:
    if not isinstance(node, dict):
        return node
    _refuse(node, place)
    made = {key: value for key, value in node.items() if key in _KEPT}
    for key in ("properties", "$defs"):
        if key in made:
            made[key] = {name: _strict(value, f"{place}.{name}") for name, value in made[key].items()}
    if "items" in made:
        made["items"] = _strict(made["items"], f"{place}[]")
    if "anyOf" in made:
        made["anyOf"] = [_strict(option, place) for option in made["anyOf"]]
    if made.get("type") == "object":
        made |= {"required": list(made["properties"]), "additionalProperties": False}
    return made


def _refuse(node: Json, place: str) -> None:
    problem = next((word for word in _REFUSED if word in node), None)
    if node.get("type") == "object" and not node.get("properties"):
        problem = "a map"
    if "default" in node:
        problem = "a default"
    if not _KEPT & node.keys() - {"description", "required", "$defs"}:
        problem = "a field of any type"
    if problem:
        raise ConfigurationError(
            f"Strict structured output cannot hold {problem} at {place}.",
            field=place,
            expected="required fields of plain types, lists, enumerations, plain unions",
            hint="Write maps as lists of name and value, and defaults as null.",
        )
