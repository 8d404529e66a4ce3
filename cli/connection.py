"""Where the service is, and the token for it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cli.exits import CommandError, Exit

DATA_DIR = Path(".e2i")
READY_FILE = "ready.json"


@dataclass(frozen=True, slots=True)
class Connection:
    """An address and a bearer token; ``source`` says where they were found."""

    url: str
    token: str
    source: str


def find(url: str | None = None, token: str | None = None, folder: Path = DATA_DIR) -> Connection:
    """Return the connection: options first, then ``E2I_URL`` and ``E2I_TOKEN``, then the ready file of a runtime in this folder.

    Raises
    ------
    CommandError
        When no address is known.
    """
    ready = _ready(folder / READY_FILE)
    address = url or os.environ.get("E2I_URL") or ready.get("url")
    if not address:
        raise CommandError.of(
            Exit.UNREACHABLE,
            "No service is known",
            f"Neither --url nor E2I_URL is set, and {folder / READY_FILE} does not exist.",
            "Start one here with: e2i up",
        )
    known = token or os.environ.get("E2I_TOKEN") or (ready.get("token") if address == ready.get("url") else None)
    source = "--url" if url else "E2I_URL" if os.environ.get("E2I_URL") else str(folder / READY_FILE)
    return Connection(address.rstrip("/"), known or "", source)


def _ready(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
