"""Phase 4 with a language model: it phrases findings; their numbers stay references, and what it may not say is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from e2i_shared.composer.asked.ask import fenced, instructions
from e2i_shared.composer.numbers import find_numbers
from e2i_shared.errors import LanguageModelError, UngroundedAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_shared.api.composition import Claim
    from e2i_shared.composer.asked.ask import Ask

_PLACE = re.compile(r"\{(\d+)\}")


class FindingDraft(BaseModel):
    """A finding in other words."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(pattern=r"^F[1-9]\d?$")]
    text: Annotated[str, Field(min_length=3, max_length=1200)]


class PhraseDraft(BaseModel):
    """The findings in the order in which they should be read."""

    model_config = ConfigDict(extra="forbid")

    findings: Annotated[list[FindingDraft], Field(min_length=1, max_length=60)]


@dataclass(frozen=True, slots=True)
class AskedWriter:
    """A ``Writer`` over a language model; the template's own claims where it has nothing valid to say."""

    ask: Ask

    def __call__(self, question: str, claims: Sequence[Claim], problems: Sequence[str]) -> Sequence[Claim]:
        """Return the claims phrased; raise UngroundedAnswerError for text that breaks the rules of its places."""
        known = {f"F{n}": claim for n, claim in enumerate(claims, 1)}
        findings = [{"id": i, "text": c.text, "places": len(c.value_refs)} for i, c in known.items()]
        data = fenced({"sub_question": question, "findings": findings, "problems": list(problems)})
        try:
            draft = self.ask(instructions("phrase"), data, PhraseDraft)
        except LanguageModelError:
            return claims
        return [_claim(f, known) for f in draft.findings]


def _claim(draft: FindingDraft, known: dict[str, Claim]) -> Claim:
    """Return the template's claim with the draft's text; a claim is used once."""
    claim = known.pop(draft.id, None)
    if claim is None:
        raise UngroundedAnswerError(f"{draft.id} is no finding, or was told twice.")
    if sorted(_PLACE.findall(draft.text)) != sorted(_PLACE.findall(claim.text)):
        raise UngroundedAnswerError(f"{draft.id} must hold each of its places once.")
    if "{" in _PLACE.sub("", draft.text) or "}" in _PLACE.sub("", draft.text):
        raise UngroundedAnswerError(f"{draft.id} holds braces that are no places.")
    said = {found.text for found in find_numbers(_PLACE.sub(" ", claim.text))}
    own = {found.text for found in find_numbers(_PLACE.sub(" ", draft.text))} - said
    if own:
        raise UngroundedAnswerError(f"{draft.id} holds numbers of its own: {', '.join(sorted(own))}.")
    return claim.model_copy(update={"text": draft.text})
