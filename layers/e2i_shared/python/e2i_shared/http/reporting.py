"""An answer as a report: the sentences it was checked with, told in short or at length, as Markdown or by section."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler.api_gateway import Response

from e2i_shared.api.composition import Finding, Report
from e2i_shared.composer.narrative import grade
from e2i_shared.errors import ConflictError
from e2i_shared.http.replies import reply

if TYPE_CHECKING:
    from e2i_shared.api.composition import ReportQuery
    from e2i_shared.composer.model import CompositionRecord
    from e2i_shared.ports import Tenant

MARKDOWN = "text/markdown; charset=utf-8"


def report(tenant: Tenant, composition_id: str, asked: ReportQuery) -> Response[Report] | Response[str]:
    """Return a composition's report as Markdown, or as JSON; raise ConflictError where it has no answer."""
    made = _made(tenant.compositions.get(composition_id), asked)
    if asked.format == "json":
        return reply(HTTPStatus.OK, made)
    return Response(status_code=HTTPStatus.OK.value, content_type=MARKDOWN, body=made.markdown)


def _made(record: CompositionRecord, asked: ReportQuery) -> Report:
    answer = record.answer
    if answer is None:
        raise ConflictError(
            f"The composition has no answer to report: {record.error_message or 'it is not there yet.'}",
            field="status",
            expected="COMPLETED",
            got=record.status.value,
        )
    return Report(
        composition_id=record.composition_id,
        query=record.query,
        form=asked.form,
        headline=answer.headline,
        findings=[
            Finding(
                question=part.question,
                text=part.text,
                evidence=grade(part.confidence),
                confidence=part.confidence,
                citations=part.citations,
            )
            for part in answer.parts
        ],
        missing=record.missing,
        caveats=answer.caveats,
        next_step=answer.next_step,
        markdown=(answer.summary if asked.form == "summary" else answer.report) or answer.text,
    )
