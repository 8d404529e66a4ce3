"""What a tool is, and the catalogue found by looking into this folder.

A tool module holds a one-sentence docstring, ``Params``, ``Result``, ``EXAMPLES``, ``run`` and ``TOOL = ToolSpec(...)``.
The catalogue imports only ``TOOL`` modules; heavy libraries are imported inside ``run``.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from e2i_shared.api.common import Filter, Json
from e2i_shared.api.tools import ToolCategory, ToolDescription, ToolEdge
from e2i_shared.chart_theme import themed
from e2i_shared.errors import ContractError, UnknownToolError, UnprocessableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2i_shared.datasets.frame import DataSource
    from e2i_shared.tools._records import Records
    from e2i_shared.tools._twins import Twins


class ToolParams(BaseModel):
    """Base of all tool inputs; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataParams(ToolParams):
    """Base of the inputs of tools that read data."""

    dataset: str
    filters: list[Filter] = []


class ToolResult(BaseModel):
    """Base of all tool outputs; NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n: int = Field(description="rows or units used")
    method: str
    assumptions: list[str] = []
    warnings: list[str] = []
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a running tool may use: data, a seed, past answers where they are at hand, and nothing else."""

    data: DataSource
    seed: int = 20260101
    threads: int = 2
    records: Records | None = None
    twins: Twins | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """The declaration of a tool.

    ``runtime`` says which function runs it: ``layer`` (zip: numpy only) or ``image`` (scikit-learn, XGBoost).
    ``charts`` builds Vega-Lite specs from an output.
    """

    name: str
    category: ToolCategory
    source_agent: str
    description: str
    params: type[ToolParams]
    result: type[ToolResult]
    run: Callable[[Any, ToolContext], ToolResult]
    examples: Sequence[Json]
    edges: Sequence[ToolEdge] = ()
    runtime: Literal["layer", "image"] = "layer"
    charts: Callable[[Json], list[Json]] = field(default=lambda _output: [])
    version: str = "1.0.0"

    def __post_init__(self) -> None:
        """Give every chart the common look, whoever draws it."""
        drawn = self.charts
        object.__setattr__(self, "charts", lambda output: [themed(chart) for chart in drawn(output)])

    def describe(self, *, schemas: bool = False) -> ToolDescription:
        """Return the wire form; with the JSON Schemas and examples where asked."""
        extra: Json = {}
        if schemas:
            extra = {
                "input_schema": self.params.model_json_schema(),
                "output_schema": self.result.model_json_schema(),
                "examples": list(self.examples),
            }
        return ToolDescription(
            name=self.name,
            category=self.category,
            source_agent=self.source_agent,
            description=self.description,
            version=self.version,
            edges=list(self.edges),
            **extra,
        )


@cache
def catalogue() -> Mapping[str, ToolSpec]:
    """Return every tool by name, found by importing this folder's public modules."""
    package = importlib.import_module("e2i_shared.tools")
    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))
    modules = (importlib.import_module(f"e2i_shared.tools.{name}") for name in names)
    return {module.TOOL.name: module.TOOL for module in modules}


def find(name: str) -> ToolSpec:
    """Return a tool; raise UnknownToolError with the nearest names."""
    import difflib

    tools = catalogue()
    if name in tools:
        return tools[name]
    near = difflib.get_close_matches(name, tools, n=3, cutoff=0.3)
    raise UnknownToolError(f"There is no tool {name!r}.", field="name", got=name, candidates=near or sorted(tools))


def run_tool(name: str, params: Json, context: ToolContext) -> Json:
    """Validate the input, run the tool, validate the output; return it as JSON data.

    Raises UnprocessableError for an input outside the schema, ContractError for an output outside it.
    """
    spec = find(name)
    try:
        validated = spec.params.model_validate(params)
    except ValidationError as error:
        raise UnprocessableError(
            _explain(name, error), field=_first_field(error), hint=f"GET /tools/{name} shows the schema and examples."
        ) from error
    from e2i_shared.tools._finite import FiniteData

    result = spec.run(validated, replace(context, data=FiniteData(context.data)))
    try:
        return spec.result.model_validate(result.model_dump()).model_dump(mode="json")
    except ValidationError as error:
        raise ContractError(f"{name} returned what its own schema refuses: {_explain(name, error)}") from error


def _explain(name: str, error: ValidationError) -> str:
    said = [f"{field or 'input'}: {message.removeprefix('Value error, ')}" for field, message in _found(error)[:5]]
    return f"{name}: {'; '.join(said)}"


def _first_field(error: ValidationError) -> str:
    return _found(error)[0][0]


def _found(error: ValidationError) -> list[tuple[str, str]]:
    """Return fields and what is wrong with them; of the forms that a value may have, only the one it comes nearest to."""
    forms: dict[tuple[str | int, ...], dict[str, list[tuple[str, str]]]] = {}
    for each in error.errors():
        place = each["loc"]
        cut = next((i for i, part in enumerate(place) if str(part)[:1].isupper()), len(place))
        field = ".".join(str(part) for part in (*place[:cut], *place[cut + 1 :]))
        forms.setdefault(place[:cut], {}).setdefault(str(place[cut : cut + 1]), []).append((field, each["msg"]))
    return [problem for of_place in forms.values() for problem in min(of_place.values(), key=len)]
