"""The synthesised templates, made once per run in a folder that is thrown away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def cloud_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesise the dev stage without credentials, network or Docker."""
    out = tmp_path_factory.mktemp("cdk") / "out"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_"))}
    environment = clean | {"E2I_CDK_OUT": str(out), "PATH": "/nowhere", "HTTPS_PROXY": "http://127.0.0.1:9"}
    result = subprocess.run(
        [sys.executable, "-m", "infra.cdk.app"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return out


@pytest.fixture(scope="session")
def templates(cloud_assembly: Path) -> dict[str, dict]:
    """Return each stack's template by its short name: network, data, service, workflows, monitoring."""
    files = cloud_assembly.glob("*.template.json")
    return {path.name.split(".")[0].rsplit("-", 1)[1]: json.loads(path.read_text()) for path in files}


@pytest.fixture(scope="session")
def service(templates: dict[str, dict]) -> dict:
    """Return the resources of the service stack."""
    return templates["service"]["Resources"]
