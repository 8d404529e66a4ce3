"""HTTP to the service; every reply that is no success becomes a CommandError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx

from cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from cli.connection import Connection

V1 = "/api/v1"
TIMEOUT = httpx.Timeout(60, connect=5)
LOAD_TIMEOUT = httpx.Timeout(320, connect=5)


@dataclass(slots=True)
class Client:
    """A session with the service; ``transport`` replaces the network in tests."""

    connection: Connection
    transport: httpx.BaseTransport | None = None
    _http: httpx.Client | None = None

    def __enter__(self) -> Self:
        """Open the session."""
        headers = {"Authorization": f"Bearer {self.connection.token}"} if self.connection.token else {}
        self._http = httpx.Client(
            base_url=self.connection.url, headers=headers, timeout=TIMEOUT, transport=self.transport
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        if self._http:
            self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a GET."""
        return self.send("GET", path, params={name: value for name, value in query.items() if value is not None})

    def post(self, path: str, body: Any, *, timeout: httpx.Timeout = TIMEOUT) -> Any:
        """Return the JSON of a POST."""
        return self.send("POST", path, json=body, timeout=timeout)

    def items(self, path: str, limit: int, **query: Any) -> Iterator[Any]:
        """Yield up to ``limit`` items of a list, page by page."""
        cursor = None
        while limit > 0:
            page = self.get(path, limit=min(limit, 100), cursor=cursor, **query)
            yield from page["items"][:limit]
            limit -= len(page["items"])
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def send(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and return its JSON (None for an empty reply)."""
        if self._http is None:
            raise CommandError.of(Exit.FAILED, "Not connected", "The session is closed.")
        try:
            reply = self._http.request(method, V1 + path, **options)
        except httpx.TimeoutException as error:
            raise CommandError.of(
                Exit.UNREACHABLE, "No answer in time", f"{self.connection.url} did not answer: {error}."
            ) from error
        except httpx.HTTPError as error:
            raise CommandError.of(
                Exit.UNREACHABLE,
                "The service cannot be reached",
                f"Nothing answers at {self.connection.url} (from {self.connection.source}).",
                "Start one here with: e2i up, or name another with --url.",
            ) from error
        return _content(reply)


def _content(reply: httpx.Response) -> Any:
    try:
        content = reply.json() if reply.content else None
    except ValueError:
        content = {"title": reply.reason_phrase, "detail": reply.text[:300]}
    if reply.is_success:
        return content
    problem = content if isinstance(content, dict) else {}
    problem.setdefault("title", reply.reason_phrase)
    problem.setdefault("detail", problem.get("message", f"The service answered {reply.status_code}."))
    raise CommandError.from_reply(reply.status_code, problem)
