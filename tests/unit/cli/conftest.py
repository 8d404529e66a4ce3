"""The command over the real handlers, over fakes: no sockets."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from e2i_shared import bootstrap, settings
from e2i_shared.http import permissions
from typer.testing import CliRunner
from world import TENANT, FakeWiring

from cli import session
from cli.main import app
from infra.functions import all_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

SERVING = {(route.method, route.path): function.name for function in all_functions() for route in function.routes}


@dataclass
class Gateway(httpx.BaseTransport):
    """Hands requests to handlers as API Gateway does; ``replies`` overrides routes, ``requests`` remembers."""

    role: str = "owner"
    replies: dict[tuple[str, str], httpx.Response] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    broken: Exception | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.broken:
            raise self.broken
        if (request.method, request.url.path) in self.replies:
            return self.replies[request.method, request.url.path]
        reply = self._serve(request)
        return httpx.Response(reply["statusCode"], headers=reply["headers"], text=reply["body"])

    def _serve(self, request: httpx.Request) -> dict[str, Any]:
        function = SERVING[permissions.match(request.method, request.url.path)]
        claims = {"sub": "anna", "tenant_id": TENANT, "role": self.role}
        event = {
            "version": "2.0",
            "rawPath": request.url.path,
            "rawQueryString": request.url.query.decode(),
            "queryStringParameters": dict(request.url.params),
            "headers": dict(request.headers),
            "requestContext": {
                "stage": "$default",
                "http": {"method": request.method, "path": request.url.path, "sourceIp": "203.0.113.7"},
                "authorizer": {"jwt": {"claims": claims}} if "authorization" in request.headers else {},
            },
            "body": request.read().decode() or None,
        }
        handler = importlib.import_module(f"functions.{function}.handler")
        with contextlib.redirect_stdout(io.StringIO()):  # the functions' metrics are not the command's output
            reply: dict[str, Any] = handler.handle(event, None)
        return reply


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[FakeWiring]:
    """Return the fakes in use, in an empty folder without connection variables."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "E2I_DATABASE_URL": "host=nowhere",
        "E2I_STATE_MACHINE_ARN": "arn:x",
        "E2I_EVENT_BUS": "e2i",
        "E2I_URL": "http://e2i.example.com",
        "E2I_TOKEN": "t",
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)
    settings.read.cache_clear()
    with bootstrap.wired(FakeWiring()) as made:
        yield made
    settings.read.cache_clear()


@pytest.fixture
def gateway(wiring: FakeWiring) -> Iterator[Gateway]:
    """Return the gateway that commands go through."""
    made = Gateway()
    with session.transported(made):
        yield made


@pytest.fixture
def run(gateway: Gateway) -> Callable[..., Result]:
    """Run the command."""
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def run_json(run: Callable[..., Result]) -> Callable[..., Any]:
    """Run the command with ``--json`` and return the document."""

    def call(*arguments: str, code: int = 0) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    return call
