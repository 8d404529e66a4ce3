"""The routes, by subject. Each parses nothing and decides nothing: request in, one call, reply out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_lambda_powertools.event_handler.api_gateway import Router


def every_router() -> Sequence[Router]:
    """Return the routers of all HTTP functions: what the API's document describes."""
    from e2i_shared.http.routes import (
        administering,
        classifications,
        classify,
        cohorts,
        compositions,
        datasets,
        drifting,
        fidelity_checks,
        loading,
        running,
        searching,
        selecting,
        service,
        simulations,
        tools,
        twins,
    )

    subjects = (
        classify,
        classifications,
        compositions,
        searching,
        administering,
        datasets,
        loading,
        drifting,
        cohorts,
        selecting,
        tools,
        running,
        twins,
        simulations,
        fidelity_checks,
        service,
    )
    return [subject.router for subject in subjects]
