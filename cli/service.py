"""Commands about the service: up, token, doctor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cli import checks, render
from cli.connection import DATA_DIR, READY_FILE
from cli.exits import CommandError, Exit
from cli.session import AsJson, Token, Url, print_json, reporting, show

app = typer.Typer()
DataDirectory = Annotated[Path, typer.Option("--data-dir", help="Where the service keeps everything.")]
DEFAULT_PORT = 8080


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 picks a free one.")] = DEFAULT_PORT,
    data_dir: DataDirectory = DATA_DIR,
    ready_file: Annotated[
        Path | None,
        typer.Option(help='Write {"url", "token"} here too once it can serve, beside ready.json in the data dir.'),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget everything that was kept before.")] = False,
) -> None:
    """Run the whole service on this machine until interrupted."""
    from e2i_shared.errors import E2IError

    from infra.local.run import serve

    announced = data_dir / READY_FILE
    with reporting(as_json=False):
        try:
            serve(port, data_dir, ready_file, fresh, lambda line: _tell(line, announced))
        except E2IError as error:
            problem = {"title": error.title, "detail": error.message, "hint": error.hint}
            raise CommandError(Exit.FAILED, problem) from error


def _tell(line: str, ready_file: Path) -> None:
    typer.echo(line, err=True)
    if line.startswith("Ready"):
        ready = json.loads(ready_file.read_text())
        typer.echo(f"Token (owner, also in {ready_file}): {ready['token']}", err=True)
        typer.echo(f'Browse {ready["url"]}/api/v1/docs, or ask from another terminal: e2i ask "…"', err=True)


@app.command()
def token(
    role: Annotated[str, typer.Option(help="viewer, member, admin or owner.")] = "member",
    tenant: Annotated[str | None, typer.Option(help="Tenant id. [the default tenant]")] = None,
    subject: Annotated[str, typer.Option(help="Who the token stands for.")] = "e2i-cli",
    hours: Annotated[float, typer.Option(min=0.01, help="How long it is valid.")] = 12,
    data_dir: DataDirectory = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Print a token for the service of this folder."""
    from e2i_shared.errors import E2IError
    from e2i_shared.settings import DEFAULT_TENANT

    from infra.local.tokens import issue

    with reporting(as_json=as_json):
        try:
            made = issue(data_dir, role, tenant or DEFAULT_TENANT, subject, int(hours * 3600))
        except E2IError as error:
            raise CommandError(
                Exit.REJECTED, {"title": error.title, "detail": error.message, "hint": error.hint}
            ) from error
    if as_json:
        print_json({"token": made})
    else:
        typer.echo(made)


@app.command()
def doctor(
    data_dir: DataDirectory = DATA_DIR,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port the service would use.")] = DEFAULT_PORT,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Check this machine and the running service; exit 1 when something must be mended."""
    found = checks.run(data_dir, port, url, token)
    rows = [(each.name, each.state, each.detail, each.remedy) for each in found]
    show(
        [each.as_json() for each in found],
        lambda _: render.table("Doctor", ("check", "state", "found", "what to do"), rows),
        as_json=as_json,
    )
    if any(each.state == "bad" for each in found):
        raise typer.Exit(int(Exit.FAILED))
