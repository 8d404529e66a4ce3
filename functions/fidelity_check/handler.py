"""How far each active twin can still be trusted: on a schedule, and for one twin on demand."""

from __future__ import annotations

from typing import Any

from e2i_shared.http.application import Application
from e2i_shared.http.checking import check_all
from e2i_shared.http.kinds import by_kind
from e2i_shared.http.routes import fidelity_checks

app = Application("fidelity_check", [fidelity_checks.router])
serve = by_kind({"requestContext": app, "source": lambda _event, _context: check_all()})


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve a request, or check every active twin of every tenant."""
    return serve(event, context)
