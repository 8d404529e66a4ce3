"""The same phase as a container task: its event is in the environment, its exit code says how it went."""

from __future__ import annotations

import json
import os
import sys

from functions.train_twin.handler import handle

EVENT = "E2I_EVENT"


def main() -> int:
    """Run the phase and return the exit code."""
    handle(json.loads(os.environ[EVENT]), None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
