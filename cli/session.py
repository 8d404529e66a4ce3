"""What every command shares: its options, its connection, and how it reports."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cli import connection
from cli.client import Client
from cli.exits import CommandError
from cli.render import problem as render_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx
    from rich.console import RenderableType

Url = Annotated[str | None, typer.Option("--url", help="Address of the service. [E2I_URL, or the ready file in .e2i]")]
Token = Annotated[str | None, typer.Option("--token", help="Bearer token. [E2I_TOKEN, or the ready file in .e2i]")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

_transports: list[httpx.BaseTransport] = []


@contextmanager
def transported(transport: httpx.BaseTransport) -> Iterator[None]:
    """Send every request of the commands run inside through ``transport`` instead of the network."""
    _transports.append(transport)
    try:
        yield
    finally:
        _transports.pop()


@contextmanager
def reporting(*, as_json: bool) -> Iterator[None]:
    """Turn a CommandError into its message on standard error (or JSON on standard output) and its exit code."""
    try:
        yield
    except CommandError as error:
        if as_json:
            print_json(error.problem)
        else:
            errors().print(render_problem(error.problem))
        raise typer.Exit(int(error.code)) from error


@contextmanager
def session(url: str | None, token: str | None, *, as_json: bool) -> Iterator[Client]:
    """Open a client on the connection found; report errors."""
    with reporting(as_json=as_json):
        transport = _transports[-1] if _transports else None
        with Client(connection.find(url, token), transport) as client:
            yield client


def show(content: Any, render: Callable[[Any], RenderableType], *, as_json: bool) -> None:
    """Print content as JSON, or rendered."""
    if as_json:
        print_json(content)
    else:
        output().print(render(content))


def print_json(content: Any) -> None:
    """Print one JSON document on standard output."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))


def output() -> Console:
    """Return a console on standard output."""
    return Console(highlight=False, soft_wrap=False)


def errors() -> Console:
    """Return a console on standard error."""
    return Console(stderr=True, highlight=False)
