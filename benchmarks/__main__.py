"""``make bench``: every promise measured in one run, on a service started for it; ``python -m benchmarks NAME …`` runs some.

Each script prints its table, saves ``results/NAME.json`` and exits 1 when a promise is missed; the closing lines say which.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks import service
from benchmarks.peers import PEERS

ALONE = {
    "imports": (),
    "classifier": (),
    "planner": (),
    "csv_load": (),
    "tools": (),
    "estimators": (),
    "peers": ("--draws", "20"),
    "langgraph_compare": (),
    "startup": (),
    "twins": (),
    "database": ("--episodes", "100000", "--vectors", "20000"),
}
BESIDE_OTHERS = {"peers", "langgraph_compare"}
ON_A_SERVICE = {"api": ("--seconds", "20"), "composer": ("--runs", "24")}


def run(name: str, options: tuple[str, ...]) -> bool:
    """Run one script in a process of its own; return whether it kept its promises."""
    print(f"\n== {name} " + "=" * (70 - len(name)), flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - our own scripts, by our own interpreter


def on_a_service(names: list[str]) -> dict[str, bool]:
    """Start a service with the sample loaded, run the scripts on it, stop it."""
    with service.started() as known:
        os.environ |= {"E2I_URL": known.url, "E2I_TOKEN": known.token}
        return {name: run(name, ON_A_SERVICE[name]) for name in names}


def main() -> int:
    """Run what was asked for, or everything that exists; return 1 when a promise was missed."""
    here = {path.stem for path in Path(__file__).parent.glob("*.py")}
    wanted = sys.argv[1:] or [name for name in (*ALONE, *ON_A_SERVICE) if name in here]
    if not sys.argv[1:] and not PEERS.exists():
        wanted = [name for name in wanted if name not in BESIDE_OTHERS]
        print("The libraries to compare with are not installed (make peers): their benchmarks are left out.")
    unknown = sorted(set(wanted) - here)
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(sorted(here - {'__main__'}))}.")
        return 2
    kept = {name: run(name, ALONE[name]) for name in wanted if name in ALONE}
    served = [name for name in wanted if name in ON_A_SERVICE]
    kept |= on_a_service(served) if served else {}
    print("\n" + "\n".join(f"{'kept  ' if good else 'MISSED'} {name}" for name, good in kept.items()))
    return int(not all(kept.values()))


if __name__ == "__main__":
    sys.exit(main())
