"""``POST /classify`` as the API's document describes it; the function itself serves it without a router."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Router

from e2i_shared.http.routes.classifying import classify_question

router = Router()
router.post("/classify", tags=["Classifier"], summary="Classify a question")(classify_question)
