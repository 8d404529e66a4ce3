"""Explain a past answer, an output, a KPI or a term from what is stored, each sentence with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from e2i_shared.api.classification import storable
from e2i_shared.api.common import Json
from e2i_shared.api.tools import ToolCategory, ToolEdge
from e2i_shared.tools import _explaining
from e2i_shared.tools._registry import ToolParams, ToolResult, ToolSpec

if TYPE_CHECKING:
    from e2i_shared.tools._registry import ToolContext

EXAMPLES: list[Json] = [
    {"question": "What does an E-value mean, and how is it different from Rosenbaum's gamma?"},
    {"term": "standardised mean difference"},
    {"kpi": "market share"},
    {
        "result_tool": "causal_effect_estimator",
        "result": {"ate": 1.7, "ci_lower": 1.5, "ci_upper": 1.9, "method": "aipw", "warnings": []},
    },
]
_EXPLAINED = ("causal_effect_estimator", "refutation_runner", "sensitivity_analyzer", "cate_analyzer", "gap_calculator")
Kind = Literal[
    "definition", "why", "reading", "formula", "question", "finding", "method", "assumption", "caveat", "not_answered"
]


class Params(ToolParams):
    """What to explain; at least one field. Of several, each is explained in turn."""

    question: Annotated[str, Field(max_length=4000)] | None = Field(
        None,
        description="the reader's words: terms and KPIs in them are explained, and “that result” means the latest answer",
    )
    term: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(None, description="a term of the glossary")
    kpi: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(None, description="a KPI of the catalogue")
    composition_id: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None, description="a past composition's id, or “latest”"
    )
    session_id: Annotated[str, BeforeValidator(storable), Field(max_length=100)] | None = Field(
        None, description="conversation whose latest answer is meant; left out: the one that asks"
    )
    step: Annotated[int, Field(ge=1, le=25)] | None = Field(
        None, description="explain only this step of the composition, by its number"
    )
    tool: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="explain only the composition's steps of this tool, e.g. a simulation"
    )
    result: Json | None = Field(None, description="a tool's output to explain, e.g. of an earlier step")
    result_tool: Annotated[str, Field(max_length=100)] | None = Field(None, description="the tool that gave `result`")


class Citation(BaseModel):
    """Where a sentence comes from: a stored composition's step, the glossary, the KPI catalogue or the output given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["composition", "glossary", "kpi", "output"]
    reference: str = Field(description="composition id, term, KPI name, or the output's tool")
    step: int | None = Field(None, description="number of the composition's step")
    pointers: list[str] = Field([], description="JSON pointers into the step's output, or the output given")
    publication: str | None = Field(None, description="where the glossary takes it from")


class Part(BaseModel):
    """A sentence or two of the explanation with their sources; `text` can be quoted as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    title: str
    text: str
    citations: list[Citation]


class Result(ToolResult):
    """The explanation; `n` is the number of parts."""

    subject: Literal["term", "kpi", "composition", "output", "several"]
    title: str = Field(description="what is explained")
    summary: str = Field(description="the explanation's first sentence")
    parts: list[Part]
    terms: list[str] = Field(description="keys of the glossary's terms that are explained")
    kpis: list[str] = Field(description="names of the KPIs that are explained")
    composition_id: str | None = Field(description="the past composition that is explained")
    related: list[str] = Field(description="titles of terms that the explanation touches but does not explain")


def run(params: Params, context: ToolContext) -> Result:
    """Return the explanation.

    Raises UnprocessableError where nothing is asked for or nothing past is at hand, UnknownValueError with the nearest titles
    for a term, KPI or step that does not exist, NotFoundError for a composition the tenant does not have.
    """
    found = _explaining.explain(params, context.records)
    return Result(
        n=len(found.parts),
        method="Quoted from stored answers, the glossary and the KPI catalogue; nothing is computed.",
        warnings=found.warnings,
        subject=found.subject,
        title=found.title,
        summary=found.parts[0].text,
        parts=[Part.model_validate(part.as_json()) for part in found.parts],
        terms=found.terms,
        kpis=found.kpis,
        composition_id=found.composition_id,
        related=found.related,
    )


TOOL = ToolSpec(
    name="result_explainer",
    category=ToolCategory.EXPLANATION,
    source_agent="explainer",
    description=(
        "Explains a past answer, a step's output, a KPI or a technical term in plain words from stored results, the KPI catalogue "
        "and a glossary, every sentence cited; computes nothing."
    ),
    params=Params,
    result=Result,
    run=run,
    examples=EXAMPLES,
    edges=[ToolEdge(producer=name, output_field="", input_field="result") for name in _EXPLAINED],
)
