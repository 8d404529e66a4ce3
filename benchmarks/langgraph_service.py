"""The service with a fault that can be switched on, for comparing what a branch that raises or hangs does to the others.

``python -m benchmarks.langgraph_service --data-dir D`` serves with this module's handler in place of those that run steps: it is theirs,
but for the tool named in ``$E2I_BENCH_FOLDER/fault.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "E2I_BENCH_FOLDER"
START_SECONDS = 120


def misbehave(fault: str) -> None:
    """Raise, or compute for ever."""
    if fault == "raise":
        raise RuntimeError("This branch was told to raise.")
    while True:
        pass


def set_fault(folder: Path, tool: str | None, fault: str = "") -> None:
    """Switch a tool's fault on, or with None every fault off."""
    path = folder / "fault.json"
    if tool is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(json.dumps({"tool": tool, "fault": fault}))


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle as the product does, with the tool that is to misbehave replaced."""
    from e2i_shared.tools import _registry

    import functions.compose_step.handler
    import functions.run_tool.handler

    folder = Path(os.environ[FOLDER])
    (folder / "database-url").write_text(os.environ["E2I_DATABASE_URL"])
    real, path = _registry.run_tool, folder / "fault.json"
    set_on = json.loads(path.read_text()) if path.exists() else {"tool": "", "fault": ""}

    def run_tool(name: str, params: dict[str, Any], context: _registry.ToolContext) -> dict[str, Any]:
        if name == set_on["tool"]:
            misbehave(set_on["fault"])
        return real(name, params, context)

    _registry.run_tool = run_tool
    try:
        image = "run_tool" in os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        step = functions.run_tool.handler.handle if image else functions.compose_step.handler.handle
        return step(event, context)
    finally:
        _registry.run_tool = real


@contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    """Run the service within the block; gives its address and token."""
    ready = folder / "service" / "ready.json"
    command = [sys.executable, "-m", "benchmarks.langgraph_service", "--data-dir", str(folder / "service")]
    with (folder / "service.log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | {FOLDER: str(folder)}, stdout=log, stderr=log)  # noqa: S603 - our own module
    until = time.monotonic() + START_SECONDS
    try:
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"The service did not start: {(folder / 'service.log').read_text()[-500:]}")
            time.sleep(0.05)
        yield json.loads(ready.read_text())
    finally:
        process.terminate()
        process.wait(30)


def main() -> None:
    """Serve until told to stop."""
    from infra.functions import FunctionDescription, all_functions
    from infra.local.run import serve

    class Faulty(FunctionDescription):
        """A function with this module's handler."""

        @property
        def handler(self) -> str:
            """Return the handler above."""
            return "benchmarks.langgraph_service.handle"

    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path)
    folder = parser.parse_args().data_dir
    names = {"run_tool", "compose_step"}
    described = [
        Faulty(**{field: getattr(each, field) for field in each.__dataclass_fields__}) if each.name in names else each
        for each in all_functions()
    ]
    serve(0, folder, folder / "ready.json", functions=described)


if __name__ == "__main__":
    main()
