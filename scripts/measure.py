"""Measures of the room: sizes of modules and functions, comments, annotations, the share of tests.

Prints each measure with its bar and exits 1 when one is missed.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("layers/e2i_shared/python/e2i_shared", "functions", "infra", "cli")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b|\bplaceholder\b.*\bhere\b")
LONG_LOOP = "numeric loop"  # a function longer than 50 lines must say so in its docstring


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure, its bar, and the places that miss it."""

    name: str
    value: float
    bar: str
    passed: bool
    places: tuple[str, ...] = ()


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below folders of the checkout."""
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py") if "__pycache__" not in p.parts)


def functions_of(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function and method of a module."""
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return a function's lines without its docstring and signature."""
    first = function.body[0]
    is_doc = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    start = (first.end_lineno or 0) + 1 if is_doc else first.lineno
    return max(0, (function.end_lineno or start) - start + 1)


def code_lines(path: Path) -> int:
    """Return the lines of a file that are not blank."""
    return sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def comment_count(path: Path) -> int:
    """Return the number of comments that are not directives."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return sum(
        1 for t in tokens if t.type == tokenize.COMMENT and not re.match(r"#\s*(noqa|type:|pragma|isort)", t.string)
    )


def unannotated(path: Path, tree: ast.Module) -> list[str]:
    """Return public functions without a return annotation or with a bare argument."""
    found = []
    for function in functions_of(tree):
        if function.name.startswith("_"):
            continue
        arguments = [*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs]
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in {"self", "cls"}]
        if bare or function.returns is None:
            found.append(f"{path.relative_to(ROOT)}:{function.lineno} {function.name}")
    return found


def measure() -> list[Measure]:
    """Measure the checkout."""
    files = python_files(*SOURCES)
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}
    sizes = {path: code_lines(path) for path in files if code_lines(path)}
    bodies = {
        f"{path.relative_to(ROOT)}:{f.lineno} {f.name}": (body_lines(f), LONG_LOOP in (ast.get_docstring(f) or ""))
        for path, tree in trees.items()
        for f in functions_of(tree)
    }
    lengths = sorted(n for n, _ in bodies.values())
    source_lines = sum(sizes.values())
    test_lines = sum(code_lines(p) for p in python_files("tests"))
    comments = 100 * sum(comment_count(p) for p in files) / source_lines
    handlers = {p: code_lines(p) for p in files if p.name == "handler.py"}
    return [
        _at_most("median lines of a module", statistics.median(sizes.values()), 100),
        _at_most(
            "longest module",
            max(sizes.values()),
            300,
            [f"{p.relative_to(ROOT)} {n}" for p, n in sizes.items() if n > 300],
        ),
        _at_most("median lines of a function", statistics.median(lengths), 10),
        _at_most("90th percentile of a function", lengths[int(0.9 * len(lengths))], 25),
        _at_most(
            "longest function",
            max(n for n, loop in bodies.values() if not loop),
            50,
            [f"{name} {n}" for name, (n, loop) in bodies.items() if n > 50 and not loop],
        ),
        _at_most(
            "longest handler",
            max(handlers.values()),
            40,
            [f"{p.relative_to(ROOT)}" for p, n in handlers.items() if n > 40],
        ),
        _at_most("comments per 100 lines", round(comments, 1), 8),
        _at_least("tests to source, by lines", round(test_lines / source_lines, 2), TESTS_TO_SOURCE),
        _none("public functions without full annotations", [u for p, t in trees.items() for u in unannotated(p, t)]),
        _none("unfinished places", _unfinished(files)),
    ]


TESTS_TO_SOURCE = 0.75


def _unfinished(files: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]


def _at_most(name: str, value: float, bar: float, places: list[str] | None = None) -> Measure:
    return Measure(name, value, f"<= {bar:g}", value <= bar, tuple(places or ()))


def _at_least(name: str, value: float, bar: float) -> Measure:
    return Measure(name, value, f">= {bar:g}", value >= bar)


def _none(name: str, places: list[str]) -> Measure:
    return Measure(name, len(places), "= 0", not places, tuple(places))


def main() -> int:
    """Print the measures; return 1 when one misses its bar."""
    measures = measure()
    for m in measures:
        print(f"{'ok  ' if m.passed else 'MISS'} {m.name:45} {m.value:>8g}  {m.bar}")
        for place in m.places[:20]:
            print(f"       {place}")
    return 0 if all(m.passed for m in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
