"""The classifier's second opinion: a language model is asked where the rules are unsure, within budgets and in the ledger."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared import bootstrap
from e2i_shared.composer.asked.ask import fenced
from e2i_shared.composer.asked.decompose import MOST_PARTS, EdgeDraft, PartDraft

if TYPE_CHECKING:
    from collections.abc import Sequence

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

        version, text = instructions()
        asked = Request(
            "classify",
            Prompt(PROMPT, version, text, fenced(_data(query, context, draft))),
            OpinionDraft,
            max_tokens=MAX_TOKENS,
            session_id=request.session_id,
            user_id=user_id,
        )
        return _opinion(gateway.ask(asked, seconds=SECONDS).parsed)

    return judge


@cache
def instructions() -> tuple[str, str]:
    """Return the version and the text of the prompt file."""
    read = (files("e2i_shared.classifier") / "prompts" / f"{PROMPT}.md").read_text(encoding="utf-8")
    head, _, text = read.partition("\n\n")
    return head.removeprefix("version: ").strip(), text.strip()


def _data(query: str, context: Sequence[str], draft: Classification) -> Json:
    return {
        "question": query,
        "earlier_questions": list(context),
        "draft": {
            "sub_questions": [{"id": q.id, "text": q.text, "domain": q.domain} for q in draft.sub_questions],
            "dependencies": [{"from_id": d.from_, "to_id": d.to, "type": d.type} for d in draft.dependencies],
            "reason": draft.reason,
        },
    }


def _opinion(draft: OpinionDraft) -> Json:
    edges = [{"from": d.from_id, "to": d.to_id, "type": d.type} for d in draft.dependencies]
    parts = [each.model_dump() for each in draft.sub_questions]
    return {"sub_questions": parts, "dependencies": edges, "reason": draft.reason}
