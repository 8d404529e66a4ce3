"""Classifications read back and judged."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Response, Router

from e2i_shared import bootstrap
from e2i_shared.api.classification import AccuracyRow, ClassificationFeedback, StoredClassification, TrainingRows
from e2i_shared.api.common import Page
from e2i_shared.http import caller
from e2i_shared.http.parameters import Id
from e2i_shared.http.replies import done

router = Router()


@router.get("/classifications/accuracy", tags=["Classifier"], summary="How often the route was right")
def read_accuracy() -> Page[AccuracyRow]:
    """Return classified, judged and correct counts per routing pattern."""
    tenant = bootstrap.for_tenant(caller.current().tenant_id)
    return Page[AccuracyRow](items=list(tenant.classifications.accuracy()))


@router.get("/classifications/feedback", tags=["Classifier"], summary="Judged classifications as training rows")
def export_feedback() -> TrainingRows:
    """Return judged classifications in the form of the training corpus, and the ids whose labels cannot be told."""
    from e2i_shared.classifier.feedback import export

    found = export(bootstrap.for_tenant(caller.current().tenant_id).classifications.judged())
    return TrainingRows(rows=found.rows, unclear=found.unclear)


@router.get("/classifications/<classification_id>", tags=["Classifier"], summary="Read a classification")
def read_classification(classification_id: Id) -> StoredClassification:
    """Return a classification with its feedback."""
    return bootstrap.for_tenant(caller.current().tenant_id).classifications.get(str(classification_id))


@router.post(
    "/classifications/<classification_id>/feedback",
    tags=["Classifier"],
    summary="Judge a classification",
    status_code=204,
)
def judge_classification(classification_id: Id, feedback: ClassificationFeedback) -> Response[None]:
    """Store whether the route was right, and which would have been."""
    tenant = bootstrap.for_tenant(caller.current().tenant_id)
    tenant.classifications.save_feedback(str(classification_id), feedback)
    return done()
