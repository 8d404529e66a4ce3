"""``POST /digital-twins/{twin_id}/fidelity``: a twin checked against its data set as it is now."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Router

from e2i_shared import bootstrap
from e2i_shared.http import caller, checking
from e2i_shared.http.parameters import Id
from e2i_shared.twins.validation import Fidelity

router = Router()


@router.post("/digital-twins/<twin_id>/fidelity", tags=["Digital twins"], summary="Check a twin's fidelity now")
def check_fidelity(twin_id: Id) -> Fidelity:
    """Compare the twins with the data set as it is now, and predictions with what came true; keep what was found."""
    tenant = bootstrap.for_tenant(caller.current().tenant_id)
    checking.check(tenant, tenant.twins.models.get(str(twin_id)))
    return checking.fidelity_of(tenant, str(twin_id))
