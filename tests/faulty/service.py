"""Runs the product with its faults: ``python -m faulty.service --data-dir D --ready-file F``; FAULTY_DIR is where the faults are."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from faulty.descriptions import described
from infra.local import run, runtime


def workflows(folder: Path, seconds: int) -> Path:
    """Write the product's own definitions into a folder, the composition's with another limit for the whole."""
    folder.mkdir(exist_ok=True)
    for path in runtime.WORKFLOWS.glob("*.asl.json"):
        text = path.read_text()
        (folder / path.name).write_text(text.replace('"TimeoutSeconds": 300,', f'"TimeoutSeconds": {seconds},', 1))
    return folder


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--ready-file", type=Path)
    options = parser.parse_args()
    place = Path(os.environ["FAULTY_DIR"])
    definitions = workflows(place / "workflows", int(os.environ.get("FAULTY_SECONDS", "300")))
    prepare = run.prepare_database

    def noted(conninfo: str) -> str:
        known = prepare(conninfo)
        (place / "database").write_text(known)  # for the test to look into
        return known

    run.prepare_database = noted
    run.serve(0, options.data_dir, options.ready_file, on_event=print, functions=described(), workflows=definitions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
