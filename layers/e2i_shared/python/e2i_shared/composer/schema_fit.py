"""Whether a producer's JSON Schema at a JMESPath fits what its consumer accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import jmespath
from jmespath.exceptions import JMESPathError

if TYPE_CHECKING:
    from e2i_shared.api.common import Json

_DEEPEST = 12


def schema_at(schema: Json, path: str) -> Json | None:
    """Return the schema of what ``path`` selects from values of ``schema``; None when it selects nothing or cannot be told.

    Fields, indices, projections (``[*]``) and ``@`` can be told; other expressions cannot.
    """
    try:
        parsed = cast("Json", jmespath.compile(path).parsed)
    except JMESPathError:
        return None
    found = _walk(parsed, schema, schema)
    return {**found, "$defs": schema.get("$defs", {})} if found is not None else None


def _walk(node: Json, schema: Json, root: Json) -> Json | None:
    schema, children = _plain(schema, root), node.get("children", [])
    match node["type"]:
        case "identity" | "current":
            return schema
        case "field":
            return _field(schema, node["value"], root)
        case "index":
            return _items(schema)
        case "subexpression" | "index_expression":
            return _chain(children, schema, root)
        case "projection":
            return _projection(children, schema, root)
        case _:
            return None


def _chain(children: list[Json], schema: Json, root: Json) -> Json | None:
    current: Json | None = schema
    for child in children:
        if current is None:
            return None
        current = _walk(child, current, root)
    return current


def _projection(children: list[Json], schema: Json, root: Json) -> Json | None:
    items = _chain(children[:1], schema, root)
    element = _items(_plain(items, root)) if items is not None else None
    selected = _walk(children[1], element, root) if element is not None else None
    return {"type": "array", "items": selected} if selected is not None else None


def _field(schema: Json, name: str, root: Json) -> Json | None:
    properties = schema.get("properties", {})
    if name in properties:
        return _plain(properties[name], root)
    additional = schema.get("additionalProperties", False if properties else schema.get("type") == "object")
    if isinstance(additional, dict):
        return _plain(additional, root)
    return {} if additional else None


def _items(schema: Json) -> Json | None:
    if schema.get("type") != "array":
        return None
    items = schema.get("items", {})
    return items if isinstance(items, dict) else {}


def _plain(schema: Json, root: Json) -> Json:
    """Follow ``$ref`` and take the one alternative that is not null."""
    for _ in range(_DEEPEST):
        if "$ref" in schema:
            schema = root.get("$defs", {}).get(schema["$ref"].rsplit("/", 1)[-1], {})
        elif len(kept := [a for a in schema.get("anyOf", []) if a.get("type") != "null"]) == 1:
            schema = kept[0]
        else:
            break
    return schema


@dataclass(frozen=True, slots=True)
class _Side:
    """A schema and the document that holds its definitions."""

    schema: Json
    root: Json

    def part(self, schema: Json) -> _Side:
        return _Side(_plain(schema, self.root), self.root)

    def get(self, word: str, default: Any = None) -> Any:
        return self.schema.get(word, default)


def fits(producer: Json, consumer: Json) -> bool:
    """Return whether every non-null value of ``producer`` is accepted by ``consumer``; both may carry their ``$defs``."""
    return _fits(_Side(_plain(producer, producer), producer), _Side(_plain(consumer, consumer), consumer), 0)


def _fits(made: _Side, wanted: _Side, depth: int) -> bool:
    if depth > _DEEPEST or not any(word in wanted.schema for word in ("type", "anyOf", "enum", "const", "properties")):
        return True
    rules = (_alternatives, _choices, _types, _objects, _arrays)
    return next((fit for rule in rules if (fit := rule(made, wanted, depth + 1)) is not None), True)


def _alternatives(made: _Side, wanted: _Side, depth: int) -> bool | None:
    if "anyOf" in made.schema:
        kept = [a for a in made.get("anyOf") if a.get("type") != "null"]
        return all(_fits(made.part(a), wanted, depth) for a in kept)
    if "anyOf" in wanted.schema:
        return any(_fits(made, wanted.part(a), depth) for a in wanted.get("anyOf"))
    return None


def _choices(made: _Side, wanted: _Side, _depth: int) -> bool | None:
    if "enum" not in wanted.schema and "const" not in wanted.schema:
        return None
    allowed, offered = (side.get("enum", [side.get("const")]) for side in (wanted, made))
    return ("enum" in made.schema or "const" in made.schema) and all(v in allowed for v in offered)


def _types(made: _Side, wanted: _Side, _depth: int) -> bool | None:
    kind, needed = made.get("type"), wanted.get("type")
    return None if needed is None or kind == needed or (kind, needed) == ("integer", "number") else False


def _arrays(made: _Side, wanted: _Side, depth: int) -> bool | None:
    if wanted.get("type") != "array":
        return None
    return _fits(made.part(made.get("items", {})), wanted.part(wanted.get("items", {})), depth)


def _objects(made: _Side, wanted: _Side, depth: int) -> bool | None:
    if wanted.get("type") != "object":
        return None
    have, need = made.get("properties", {}), wanted.get("properties", {})
    if any(name not in have for name in wanted.get("required", [])):
        return False
    if need and wanted.get("additionalProperties") is False and any(name not in need for name in have):
        return False
    named = all(_fits(made.part(have[n]), wanted.part(need[n]), depth) for n in need if n in have)
    return named and _values_fit(made, wanted, depth)


def _values_fit(made: _Side, wanted: _Side, depth: int) -> bool:
    values, more = wanted.get("additionalProperties"), made.get("additionalProperties")
    if not isinstance(values, dict):
        return True
    others = [s for n, s in made.get("properties", {}).items() if n not in wanted.get("properties", {})]
    others += [more] if isinstance(more, dict) else []
    return all(_fits(made.part(o), wanted.part(values), depth) for o in others)
