"""One method on several cases in a process of its own: a line of JSON for each, with time and this process's peak memory."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings

import numpy as np

from benchmarks.peer_cases import case_of
from benchmarks.peer_methods import METHODS


def cpu() -> float:
    """Return CPU seconds of this process and of those it started."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    """Run ``METHOD CASE …`` and print the rows."""
    warnings.simplefilter("ignore")
    method, *names = sys.argv[1:]
    METHODS[method](case_of("straight:0"))  # imports and first calls are not the estimate's time
    for name in names:
        case = case_of(name)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        started, used = time.perf_counter(), cpu()
        try:
            found = METHODS[method](case)
        except Exception as error:  # noqa: BLE001 - a peer's failure is a result of the comparison
            print(json.dumps({"method": method, "case": name, "error": f"{type(error).__name__}: {error}"[:300]}))
            continue
        row = {
            "method": method,
            "case": name,
            "n": case.study.n,
            "estimate": found.effect,
            "std_error": found.std_error,
            "truth": case.truth,
            "wall_s": time.perf_counter() - started,
            "cpu_s": cpu() - used,
            "data_mib": before,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        if case.effects is not None and found.effects is not None:
            row["pehe"] = float(np.sqrt(((found.effects - case.effects) ** 2).mean()))
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
