"""How a phase asks a language model: a prompt file, data fenced off as data, a schema for the answer."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import BaseModel

from e2i_shared.errors import ConfigurationError

if TYPE_CHECKING:
    from e2i_shared.api.common import Json

T = TypeVar("T", bound=BaseModel)
_HEAD = re.compile(r"\Aversion: (?P<version>\S+)\n\n(?P<text>.+)\Z", re.DOTALL)
_FENCED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@dataclass(frozen=True, slots=True)
class Instructions:
    """A prompt file: its name, version and text."""

    name: str
    version: str
    text: str

    @property
    def told(self) -> str:
        """The prompt as it is stored with what came of it."""
        return f"{self.name}@{self.version}"

    def with_reference(self, data: Json) -> Instructions:
        """Return the instructions followed by what is the same for every question, so that providers can cache it with them."""
        return replace(self, text=f"{self.text}\n\nReference, the same for every question:\n{fenced(data)}")


class Ask(Protocol):
    """A language model behind the gateway, for one composition."""

    def __call__(self, instructions: Instructions, data: str, schema: type[T]) -> T:
        """Return a valid answer; raise LanguageModelError when none came."""
        ...


@cache
def instructions(name: str, package: str = "e2i_shared.composer") -> Instructions:
    """Read ``prompts/NAME.md`` of a package; its first line is ``version: …``."""
    text = (files(package) / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    match = _HEAD.match(text)
    if match is None:
        raise ConfigurationError(
            f"The prompt {name!r} does not begin with its version.", field=name, expected="version: N"
        )
    return Instructions(name, match["version"], match["text"].strip())


def fenced(data: Json) -> str:
    """Return data as JSON between tags that no text in it can close: ``<``, ``>`` and ``&`` are escaped, hidden characters left out."""
    text = json.dumps(_visible(data), ensure_ascii=False, indent=1)
    for character, escaped in _FENCED.items():
        text = text.replace(character, escaped)
    return f"<data>\n{text}\n</data>"


def _visible(value: object) -> object:
    """Return the value without control, format and unassigned characters, in which text hides from a reader's eye."""
    if isinstance(value, str):
        return "".join(c for c in value if c in "\n\t" or unicodedata.category(c)[0] != "C")
    if isinstance(value, dict):
        return {_visible(key): _visible(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_visible(item) for item in value]
    return value
