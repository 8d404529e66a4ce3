"""The API's page, rendered by a real browser from the real service."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from infra.functions import all_functions

if TYPE_CHECKING:
    from pathlib import Path

    from cli.connection import Connection

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=10000",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


def test_the_page_shows_every_route_without_reaching_out(service: Connection, tmp_path: Path):
    nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    command = [str(CHROMIUM), *QUIET, nowhere, f"--user-data-dir={tmp_path}", "--dump-dom"]

    page = subprocess.run(
        [*command, f"{service.url}/api/v1/docs"], capture_output=True, text=True, check=True, timeout=120
    ).stdout

    for route in (route for function in all_functions() for route in function.routes):
        assert f'data-path="{route.path}"' in page or route.path.endswith(("/docs", "/openapi.json")), route.path
