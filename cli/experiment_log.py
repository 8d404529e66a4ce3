"""``e2i mlflow``: MLflow's own pages over the log of trainings, and what is not in the log yet."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path  # noqa: TC003 - typer reads annotations when the command is built
from typing import Annotated, Any

import typer
from e2i_shared import mlflow_store
from rich.text import Text

from cli.connection import DATA_DIR
from cli.exits import CommandError, Exit
from cli.session import AsJson, Token, Url, errors, reporting, session, show

app = typer.Typer(help="The log of trainings: its pages on 127.0.0.1 until Ctrl-C, or sync what is pending.")


@app.callback(invoke_without_command=True)
def pages(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port on this machine.")] = 5000,
    data_dir: Annotated[Path, typer.Option(help="Where the service keeps its data.")] = DATA_DIR,
) -> None:
    """Open the log of trainings in MLflow's pages, on 127.0.0.1, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    with reporting(as_json=False):
        command = ui_command(store_of(data_dir), port)
        if taken(port):
            title, said = "The pages cannot be opened", f"Port {port} is in use by another program."
            raise CommandError.of(Exit.FAILED, title, said, "Choose another with --port.")
        errors().print(f"The log of trainings: http://127.0.0.1:{port}")
        try:
            code = subprocess.call(command)  # noqa: S603 - our own interpreter and arguments
        except KeyboardInterrupt:
            code = 0
    raise typer.Exit(code)


@app.command()
def sync(url: Url = None, token: Token = None, as_json: AsJson = False) -> None:
    """Ask for every training that is not in the log to be logged: after the store was away, or was configured later."""
    with session(url, token, as_json=as_json) as client:
        found = client.post("/digital-twin/models/log", None)
    show(found, _asked, as_json=as_json)


def _asked(found: dict[str, Any]) -> Text:
    count = len(found["jobs"])
    return Text(f"{count} trainings are being logged." if count else "Every training is in the log.")


def taken(port: int) -> bool:
    """Say whether something listens there already: MLflow would tell half a minute later, and end as if all were well."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def store_of(data_dir: Path) -> str:
    """Return the address of the log; raise CommandError where nothing was trained here yet."""
    configured = os.environ.get("E2I_MLFLOW_URI")
    if configured:
        return mlflow_store.address(configured, _token if os.environ.get("E2I_MLFLOW_IAM") == "true" else None)
    file = data_dir.resolve() / "mlflow.db"
    if not file.is_file():
        raise CommandError.of(
            Exit.NOT_FOUND,
            "There is no log of trainings",
            f"{file} does not exist.",
            "Train a twin first (e2i twins train), or set E2I_MLFLOW_URI.",
        )
    return f"sqlite:///{file}"


def _token(conninfo: str) -> str:
    """Return the password of a database that IAM guards, by this user's own AWS account."""
    from e2i_shared.aws import database_token

    return database_token(conninfo)


def ui_command(store: str, port: int) -> list[str]:
    """Return what starts MLflow's pages; raise CommandError where it is not installed, or the store is a server with its own."""
    if find_spec("mlflow") is None:
        raise CommandError.of(
            Exit.FAILED, "MLflow is not installed", "mlflow cannot be imported.", "Install it with: make setup-all"
        )
    if store.startswith(("http://", "https://")):
        raise CommandError.of(
            Exit.USAGE, "The log is an MLflow server", f"It shows its pages itself: {store}", "Open them in a browser."
        )
    place = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    return [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, *place]
