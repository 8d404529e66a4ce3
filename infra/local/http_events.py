"""Requests as API Gateway's HTTP API hands them to a function: routes, and payload format 2.0."""

from __future__ import annotations

import base64
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from e2i_shared.errors import MalformedRequestError, NotFoundError

from infra.local.executions import ACCOUNT
from infra.local.replies import MethodNotAllowedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.functions import FunctionDescription, Route
    from infra.local.replies import Scope

TEXTUAL = re.compile(r"^(text/|application/([\w.-]+\+)?(json|xml|javascript|x-www-form-urlencoded))")


@dataclass(frozen=True, slots=True)
class Target:
    """A route, the function behind it, and the values in its path."""

    route: Route
    function: str
    parameters: Mapping[str, str]


class Router:
    """All routes, found by the segments of a path; a fixed segment wins over a parameter."""

    def __init__(self, descriptions: Iterable[FunctionDescription]) -> None:
        self._routes = [
            (tuple(route.path.strip("/").split("/")), route, description.name)
            for description in descriptions
            for route in description.routes
        ]
        self._routes.sort(key=lambda entry: [part.startswith("{") for part in entry[0]])

    def find(self, method: str, raw_path: str) -> Target:
        """Return where a request goes.

        Raises
        ------
        NotFoundError
            When no route has the path.
        MethodNotAllowedError
            When only other methods have it.
        """
        segments = tuple(raw_path.split("/")[1:])
        allowed: list[str] = []
        for pattern, route, function in self._routes:
            parameters = _match(pattern, segments)
            if parameters is None:
                continue
            if route.method == method:
                return Target(route, function, parameters)
            allowed.append(route.method)
        if allowed:
            raise MethodNotAllowedError(sorted(set(allowed)))
        raise NotFoundError(f"There is no route {unquote(raw_path)[:200]}.", hint="GET /api/v1/docs lists the routes")


def _match(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    parameters: dict[str, str] = {}
    for part, segment in zip(pattern, segments, strict=True):
        if part.startswith("{"):
            if not segment:
                return None
            parameters[part[1:-1]] = unquote(segment)
        elif part != segment:
            return None
    return parameters


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived: the ASGI scope's parts that an event is made of."""

    scope: Scope
    headers: Mapping[str, str]
    body: bytes
    correlation_id: str

    def event(self, target: Target, claims: Mapping[str, str] | None) -> dict[str, Any]:
        """Return the event for a function, in payload format 2.0.

        Raises
        ------
        MalformedRequestError
            When a body that says it is text is not UTF-8.
        """
        query = self.scope["query_string"].decode("latin-1")
        route_key = f"{target.route.method} {target.route.path}"
        headers = {name: value for name, value in self.headers.items() if name != "cookie"}
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route_key,
            "rawPath": self.scope["path"],
            "rawQueryString": query,
            "headers": {**headers, "x-correlation-id": self.correlation_id},
            "requestContext": self._context(route_key, claims),
            "isBase64Encoded": False,
        }
        if query:
            event["queryStringParameters"] = _query(query)
        if target.parameters:
            event["pathParameters"] = dict(target.parameters)
        if "cookie" in self.headers:
            event["cookies"] = [part.strip() for part in self.headers["cookie"].split(";")]
        if self.body:
            event["body"], event["isBase64Encoded"] = self._text()
        return event

    def _text(self) -> tuple[str, bool]:
        if TEXTUAL.match(self.headers.get("content-type", "application/json").lower()):
            try:
                return self.body.decode(), False
            except UnicodeDecodeError as error:
                raise MalformedRequestError("The body is not UTF-8 text.", field="body", expected="UTF-8") from error
        return base64.b64encode(self.body).decode(), True

    def _context(self, route_key: str, claims: Mapping[str, str] | None) -> dict[str, Any]:
        now = time.time()
        client = self.scope.get("client") or ("127.0.0.1", 0)
        context: dict[str, Any] = {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": self.headers.get("host", "localhost"),
            "domainPrefix": "local",
            "http": {
                "method": self.scope["method"],
                "path": self.scope["path"],
                "protocol": f"HTTP/{self.scope['http_version']}",
                "sourceIp": client[0],
                "userAgent": self.headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route_key,
            "stage": "$default",
            "time": _log_time(int(now)),
            "timeEpoch": int(now * 1000),
        }
        if claims is not None:
            context["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": None}}
        return context


@lru_cache(maxsize=1)
def _log_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _query(text: str) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return {name: ",".join(found) for name, found in values.items()}


def joined_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name, repeated ones joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers
