"""References between steps: ``{"$from": "step-N", "path": "<JMESPath>"}``, resolved from stored outputs.

Only a mapping with exactly these two keys is a reference; text such as ``{{x}}`` or ``$1 million`` is always literal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import JMESPathError

from e2i_shared.errors import InvalidPlanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_shared.api.common import Json

_STEP = re.compile(r"step-([1-9][0-9]?)")
_KEYS = {"$from", "path"}


def reference(step_number: int, path: str = "@") -> Json:
    """Return a reference to a part of a step's output; ``@`` is the whole."""
    return {"$from": f"step-{step_number}", "path": path}


def is_reference(value: object) -> bool:
    """Return whether a value is a reference: a mapping with the two keys and nothing else."""
    return isinstance(value, dict) and set(value) == _KEYS


def source_step(value: Json) -> int:
    """Return the step number a reference points at; raise InvalidPlanError when it is malformed."""
    match = _STEP.fullmatch(value["$from"]) if isinstance(value["$from"], str) else None
    if match is None or not isinstance(value["path"], str):
        raise InvalidPlanError(
            "A reference must look like {'$from': 'step-N', 'path': '<JMESPath>'}.",
            field="inputs",
            got=str(value)[:200],
        )
    return int(match[1])


def references_in(inputs: Json) -> Iterator[tuple[str, Json]]:
    """Yield the references of a step's inputs with the dotted name of the input that holds each."""
    yield from _walk(inputs, "")


def _walk(value: Any, name: str) -> Iterator[tuple[str, Json]]:
    if is_reference(value):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, f"{name}.{key}".lstrip("."))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _walk(item, f"{name}.{i}")


def resolve(inputs: Json, outputs: Mapping[int, Json]) -> Json:
    """Return the inputs with every reference replaced by what it points at; raise InvalidPlanError when it points at nothing."""
    resolved = _resolve(inputs, outputs)
    assert isinstance(resolved, dict)  # noqa: S101 -- narrows the type: inputs itself is never a reference
    return resolved


def _resolve(value: Any, outputs: Mapping[int, Json]) -> Any:
    if is_reference(value):
        return _lookup(value, outputs)
    if isinstance(value, dict):
        return {key: _resolve(item, outputs) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, outputs) for item in value]
    return value


def _lookup(value: Json, outputs: Mapping[int, Json]) -> Any:
    number = source_step(value)
    if number not in outputs:
        raise InvalidPlanError(
            f"Step {number} has no output to take {value['path']!r} from.", field="inputs", got=value["path"]
        )
    found = search(value["path"], outputs[number])
    if found is None:
        raise InvalidPlanError(
            f"The output of step {number} has nothing at {value['path']!r}.", field="inputs", got=value["path"]
        )
    return found


def search(path: str, output: Json) -> Any:
    """Return what a JMESPath expression finds in an output; raise InvalidPlanError when the expression is malformed."""
    try:
        return jmespath.search(path, output)
    except JMESPathError as error:
        raise InvalidPlanError(f"{path!r} is not a JMESPath expression.", field="inputs", got=path) from error
