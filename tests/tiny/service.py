"""Runs the tiny product: ``python -m tiny.service --port 0 --data-dir D --ready-file F``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from e2i_shared.errors import ConfigurationError

from infra.local.run import serve
from tiny.descriptions import ALL


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    workflows = Path(__file__).parent / "workflows"
    try:
        serve(
            options.port,
            options.data_dir,
            options.ready_file,
            options.fresh,
            print,
            functions=ALL,
            workflows=workflows,
        )
    except ConfigurationError as error:
        sys.stderr.write(f"{error.message} {error.hint}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
