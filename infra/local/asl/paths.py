"""JSONPath as the workflows use it: ``$.a.b``, ``$['a']``, ``$.a[0]``, ``$.a[*].b``, and ``$$`` for the context object."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from infra.local.asl.errors import DefinitionError, StateError

TOKEN = re.compile(r"\.(?P<name>[^\W\d][\w-]*)|\[(?:'(?P<quoted>[^'\\]*)'|(?P<index>-?\d+)|(?P<star>\*))\]")

Step = str | int | None  # a field, an index, or every element


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path; ``context`` paths start at the context object."""

    text: str
    context: bool
    steps: tuple[Step, ...]

    @property
    def definite(self) -> bool:
        """Return whether the path names at most one value."""
        return None not in self.steps

    def find(self, data: Any, context: Any) -> Any:
        """Return the value, or the list of values of a path with ``[*]``.

        Raises
        ------
        StateError
            ``States.Runtime`` when a definite path matches nothing.
        """
        values = [context if self.context else data]
        for step in self.steps:
            values = [found for value in values for found in _descend(value, step)]
        if not self.definite:
            return values
        if not values:
            raise StateError("States.Runtime", f"The JSONPath '{self.text}' could not be found in the input.")
        return values[0]

    def exists(self, data: Any, context: Any) -> bool:
        """Return whether the path matches anything."""
        try:
            return self.find(data, context) != [] or self.definite
        except StateError:
            return False


def _descend(value: Any, step: Step) -> list[Any]:
    if step is None:
        return list(value) if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    if isinstance(step, int):
        inside = isinstance(value, list) and -len(value) <= step < len(value)
        return [value[step]] if inside else []
    return [value[step]] if isinstance(value, dict) and step in value else []


@lru_cache(maxsize=1024)
def parse(text: str) -> Path:
    """Parse a path.

    Raises
    ------
    DefinitionError
        When it is no path, or uses what this runtime does not run (filters, slices, ``..``).
    """
    start = 2 if text.startswith("$$") else 1
    steps: list[Step] = []
    position = start
    while text.startswith("$") and position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            break
        steps.append(_step(match))
        position = match.end()
    if not text.startswith("$") or position != len(text):
        raise DefinitionError(
            f"The path {text!r} cannot be run here.",
            field=text,
            expected="fields, ['fields'], [indices] and [*] after $ or $$",
        )
    return Path(text, start == 2, tuple(steps))


def _step(match: re.Match[str]) -> Step:
    if match["star"]:
        return None
    if match["index"] is not None:
        return int(match["index"])
    return match["name"] if match["name"] is not None else match["quoted"]


def put(data: Any, path: Path, result: Any) -> Any:
    """Return a copy of ``data`` with ``result`` at a ``ResultPath``; missing objects on the way are created.

    Raises
    ------
    StateError
        ``States.ResultPathMatchFailure`` when the path runs through what is no object.
    """
    if not path.steps:
        return result
    head, rest = path.steps[0], Path(path.text, context=False, steps=path.steps[1:])
    if isinstance(head, str) and isinstance(data, dict):
        return {**data, head: put(data.get(head, {}), rest, result)}
    if isinstance(head, int) and isinstance(data, list) and 0 <= head < len(data):
        return [put(value, rest, result) if index == head else value for index, value in enumerate(data)]
    raise StateError("States.ResultPathMatchFailure", f"Unable to apply ResultPath '{path.text}' to the state's input.")
