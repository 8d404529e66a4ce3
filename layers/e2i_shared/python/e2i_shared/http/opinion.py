"""The classifier's second opinion: a language model is asked where the rules are unsure, within budgets and in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared import bootstrap
from e2i_shared.composer.asked.ask import fenced, instructions
from e2i_shared.composer.asked.decompose import MOST_PARTS, EdgeDraft, PartDraft, draft_data

if TYPE_CHECKING:
    from e2i_shared.api.classification import Classification, ClassifyRequest
    from e2i_shared.api.common import Json
    from e2i_shared.classifier.second_opinion import SecondOpinion
    from e2i_shared.ports import Tenant

PROMPT = "second_opinion"
MAX_TOKENS = 1500
SECONDS = 8.0  # of the ten that the classify function has


class OpinionDraft(BaseModel):
    """What the model must answer."""

    model_config = ConfigDict(extra="forbid")

    sub_questions: Annotated[list[PartDraft], Field(max_length=MOST_PARTS)]
    dependencies: Annotated[list[EdgeDraft], Field(max_length=MOST_PARTS**2)]
    reason: Annotated[str, Field(max_length=500)]


def second_opinion(tenant: Tenant, request: ClassifyRequest, user_id: str | None) -> SecondOpinion | None:
    """Return the judge of a tenant's doubtful questions; None where no language model is configured."""
    gateway = bootstrap.language_models(tenant.tenant_id)
    if gateway is None or not gateway.providers:
        return None

    def judge(query: str, context: list[str], draft: Classification) -> Json:
        from e2i_shared.llm.model import Prompt, Request

        told = instructions(PROMPT, "e2i_shared.classifier")
        data = draft_data(query, draft, context)
        data["draft"]["reason"] = draft.reason
        asked = Request(
            "classify",
            Prompt(told.name, told.version, told.text, fenced(data)),
            OpinionDraft,
            max_tokens=MAX_TOKENS,
            session_id=request.session_id,
            user_id=user_id,
        )
        return _opinion(gateway.ask(asked, seconds=SECONDS).parsed)

    return judge


def _opinion(draft: OpinionDraft) -> Json:
    edges = [{"from": d.from_id, "to": d.to_id, "type": d.type} for d in draft.dependencies]
    parts = [each.model_dump() for each in draft.sub_questions]
    return {"sub_questions": parts, "dependencies": edges, "reason": draft.reason}
