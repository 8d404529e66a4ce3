"""``e2i mlflow``: MLflow's own pages over the log of trainings on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import DATA_DIR
from cli.exits import CommandError, Exit
from cli.session import errors, reporting

app = typer.Typer()


@app.command("mlflow")
def mlflow_ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port on this machine.")] = 5000,
    data_dir: Annotated[Path, typer.Option(help="Where the service keeps its data.")] = DATA_DIR,
) -> None:
    """Open the log of trainings in MLflow's pages, on 127.0.0.1, until Ctrl-C."""
    with reporting(as_json=False):
        command = ui_command(store_of(data_dir), port)
        errors().print(f"The log of trainings: http://127.0.0.1:{port}")
        try:
            code = subprocess.call(command)  # noqa: S603 - our own interpreter and arguments
        except KeyboardInterrupt:
            code = 0
    raise typer.Exit(code)


def store_of(data_dir: Path) -> str:
    """Return the address of the log; raise CommandError where nothing was trained here yet."""
    configured = os.environ.get("E2I_MLFLOW_URI")
    if configured:
        return configured
    file = data_dir.resolve() / "mlflow.db"
    if not file.is_file():
        raise CommandError.of(
            Exit.NOT_FOUND,
            "There is no log of trainings",
            f"{file} does not exist.",
            "Train a twin first (e2i twins train), or set E2I_MLFLOW_URI.",
        )
    return f"sqlite:///{file}"


def ui_command(store: str, port: int) -> list[str]:
    """Return what starts MLflow's pages; raise CommandError where it is not installed."""
    if find_spec("mlflow") is None:
        raise CommandError.of(
            Exit.FAILED, "MLflow is not installed", "mlflow cannot be imported.", "Install it with: make setup-all"
        )
    place = ["--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, *place]
