"""One HTTP function: what a request passes on its way to its route, and what every reply carries."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from e2i_shared import settings
from e2i_shared.errors import MalformedRequestError, NotFoundError
from e2i_shared.http import caller, idempotency, permissions, problems, text
from e2i_shared.http.caller import Role
from e2i_shared.http.limits import RateLimit
from e2i_shared.http.one_route import OneRoute
from e2i_shared.observability import telemetry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
    from aws_lambda_powertools.event_handler.api_gateway import Response, Router

    Event = dict[str, Any]
    Reply = dict[str, Any]

_JSON = re.compile(r"\s*application/json\s*(;|$)")
_CORRELATION_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)


def resolver(routers: Sequence[Router]) -> APIGatewayHttpResolver:
    """Return a resolver over the routers, under the API's base path, that validates requests and replies."""
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

    app = APIGatewayHttpResolver(
        enable_validation=True, response_validation_error_http_code=500, json_body_deserializer=text.loads
    )
    for router in routers:
        app.include_router(router, prefix=permissions.V1)
    app.exception_handler(Exception)(_problem)
    app.not_found(_no_route)
    return app


def _no_route(_error: Exception) -> Response[str]:
    return _problem(NotFoundError("There is nothing at this address."))


def _problem(error: Exception) -> Response[str]:
    return problems.to_response(error, caller.current().correlation_id)


class Application:
    """Calls the route an event asks for: correlation id, permission, rate, clean text, then the resolver.

    Parameters
    ----------
    function
        The function's name; its settings are read at the first request.
    routers
        Its routes; a function of one route spares itself the router.
    """

    def __init__(self, function: str, routers: Sequence[Router] | OneRoute) -> None:
        self.function = function
        self.resolver = routers if isinstance(routers, OneRoute) else resolver(routers)
        self.limit: RateLimit | None = None

    def __call__(self, event: Event, context: Any) -> Reply:
        """Return a payload 2.0 reply; never raises."""
        correlation_id = _correlation_id(event)
        telemetry.remember(correlation_id=correlation_id, function=self.function)
        try:
            cleaned = _cleaned(event)
            headers = self._admit(cleaned, correlation_id)
            reply = idempotency.once(cleaned, lambda admitted: self.resolver.resolve(admitted, context))
        except Exception as error:  # noqa: BLE001 - the last line of defence: whatever happens becomes a problem
            headers, reply = {}, problems.to_reply(error, correlation_id)
        finally:
            telemetry.forget()
        reply["body"] = reply.get("body") or ""
        reply["headers"] = {**reply.get("headers", {}), **headers, "X-Correlation-Id": correlation_id}
        return reply

    def _admit(self, event: Event, correlation_id: str) -> Mapping[str, str]:
        http = event["requestContext"]["http"]
        route = permissions.match(http["method"], event["rawPath"])
        who = caller.authenticate(_claims(event), permissions.MATRIX[route], correlation_id)
        caller.set_current(who)
        telemetry.remember(tenant_id=who.tenant_id, route=" ".join(route))
        name = f"{who.tenant_id}/{who.subject}" if who.role is not Role.NOBODY else http.get("sourceIp", "")
        return self._limit().take(name, permissions.COSTLY.get(route, 1))

    def _limit(self) -> RateLimit:
        if self.limit is None:
            read = settings.read(settings.FUNCTIONS[self.function])
            self.limit = RateLimit(read.rate_per_second, read.rate_burst)
        return self.limit


def _correlation_id(event: Event) -> str:
    given = (event.get("headers") or {}).get("x-correlation-id", "")
    return given if _CORRELATION_ID.fullmatch(given) else str(uuid4())


def _claims(event: Event) -> Mapping[str, Any]:
    authorizer = event["requestContext"].get("authorizer") or {}
    return (authorizer.get("jwt") or {}).get("claims") or {}


def _cleaned(event: Event) -> Event:
    """Return the event with a JSON body as text and without invisible characters in its path and query."""
    query = event.get("queryStringParameters") or {}
    return event | {
        "rawPath": text.clean(event["rawPath"]),
        "queryStringParameters": {text.clean(name): text.clean(value) for name, value in query.items()},
        "headers": (event.get("headers") or {}) | {"content-type": "application/json"},
        "body": _body(event),
        "isBase64Encoded": False,
    }


def _body(event: Event) -> str | None:
    kind = (event.get("headers") or {}).get("content-type", "application/json")
    if event.get("body") and not _JSON.match(kind.lower()):
        raise problems.UnsupportedBodyError(f"Unsupported content type: {kind[:100]}")
    if not event.get("isBase64Encoded") or not event.get("body"):
        return event.get("body")
    try:
        return base64.b64decode(event["body"], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise MalformedRequestError("The body is not UTF-8 text.", field="body", expected="UTF-8 JSON") from error
