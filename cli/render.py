"""What the service returns, as text for a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    Json = dict[str, Any]

_COLOURS = {"COMPLETED": "green", "FAILED": "red", "TIMEOUT": "red", "SKIPPED": "yellow", "EXECUTING": "cyan"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+(Z|\+00:00)")


def problem(found: Json) -> RenderableType:
    """Return what is wrong, with the nearest valid choices and what to do."""
    lines = [
        Text.from_markup(f"[bold red]{escape(found.get('title') or 'Error')}[/]: {escape(found.get('detail', ''))}")
    ]
    for each in found.get("errors") or []:
        said = f"{each['field']}: {each['message']}"
        near = [candidate for candidate in each.get("candidates") or [] if f"'{candidate}'" not in each["message"]]
        tail = f"  did you mean: {', '.join(near)}?" if near else ""
        if tail or each["message"] not in found.get("detail", ""):
            lines.append(Text(f"  {said}{tail}"))
    if found.get("hint"):
        lines.append(Text(f"  {found['hint']}", style="cyan"))
    if found.get("correlation_id"):
        lines.append(Text(f"  correlation id {found['correlation_id']}", style="dim"))
    return Group(*lines)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """Return a table; None shows as a dash."""
    made = Table(title=title, title_justify="left", header_style="bold")
    for name in columns:
        made.add_column(name, overflow="fold", no_wrap=name.endswith("_id") or name == "name")
    for row in rows:
        made.add_row(*(escape(_cell(value)) for value in row))
    return made


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return value[:16].replace("T", " ") + " UTC"
    return f"{value:,}" if isinstance(value, int) else str(value)


def answer(view: Json) -> RenderableType:
    """Return a composition's answer, or why there is none."""
    if view.get("clarification"):
        return clarification(view["clarification"])
    parts: list[RenderableType] = [Text(view["query"], style="bold")]
    if view.get("answer"):
        parts += _answered(view["answer"])
    else:
        parts.append(Text(f"{view['status']}: {view.get('error') or 'no answer yet'}", style=_colour(view["status"])))
    for part in view.get("missing") or []:
        parts.append(Text(f"Not answered – {part['question']}: {part['reason']}", style="yellow"))
    for past in view.get("related") or []:
        parts.append(Text(f"Asked before: {past['query']} ({past['composition_id']})", style="dim"))
    parts.append(Text(_footer(view), style="dim"))
    return Group(*parts)


def _answered(found: Json) -> list[RenderableType]:
    made: list[RenderableType] = [Panel(Text(found["headline"]), border_style="green")]
    for part in found["parts"]:
        cited = " ".join(f"[{number}]" for number in part["citations"] if f"[{number}]" not in part["text"])
        made.append(Text(f"{part['sub_question']}  {part['question']}", style="bold"))
        made.append(
            Padding(Text(f"{part['text']} {cited}".rstrip() + f" (confidence {part['confidence']:.0%})"), (0, 0, 0, 4))
        )
    made += [Text(f"  ! {caveat}", style="yellow") for caveat in found.get("caveats") or []]
    if found.get("next_step"):
        made.append(Text(f"  → {found['next_step']}", style="cyan"))
    return made


def _footer(view: Json) -> str:
    spent = ", ".join(f"{phase} {ms:,.0f} ms" for phase, ms in (view.get("latency_ms") or {}).items())
    return f"{view.get('composition_id') or ''}  {view['status']}  {spent}".strip()


def clarification(found: Json) -> RenderableType:
    """Return what a question lacks, and how it could be put."""
    lines = [Text(found["message"], style="yellow")]
    lines += [Text(f"  try: {rephrased}", style="cyan") for rephrased in found.get("rephrasings") or []]
    return Group(*lines)


def classification(found: Json) -> RenderableType:
    """Return a classification: pattern, domains, sub-questions, edges."""
    domains = ", ".join(f"{each['domain']} {each['confidence']:.0%}" for each in found["domains"])
    made: list[RenderableType] = [
        Text(f"{found['routing_pattern']}  (confidence {found['confidence']:.0%})", style="bold"),
        Text(f"domains: {domains or '–'}"),
        Text(found["reason"]),
    ]
    made += [Text(f"  {each['id']} [{each['domain']}] {each['text']}") for each in found["sub_questions"]]
    made += [Text(f"  {each['from']} → {each['to']}  {each['type']}", style="dim") for each in found["dependencies"]]
    if found.get("clarification"):
        made.append(clarification(found["clarification"]))
    return Group(*made)


def trace(view: Json, steps: Sequence[Json]) -> RenderableType:
    """Return the plan as a tree: levels one after the other, steps of a level side by side, with time and outcome."""
    root = Tree(Text(f"{view['query']}  {view['status']}", style="bold"))
    for phase, milliseconds in (view.get("latency_ms") or {}).items():
        root.add(Text(f"{phase}: {milliseconds:,.0f} ms", style="dim"))
    for level in sorted({step["level"] for step in steps}):
        branch = root.add(Text(f"level {level}", style="bold cyan"))
        for step in steps:
            if step["level"] == level:
                branch.add(_step(step))
    bindings = (view.get("plan") or {}).get("bindings") or []
    for bound in bindings:
        root.add(Text(f"“{bound['phrase']}” was read as {bound['bound_to']} of {bound['dataset']}", style="dim"))
    return root


def _step(step: Json) -> Text:
    took = f"{step['latency_ms']:,.0f} ms" if step.get("latency_ms") is not None else "–"
    after = f"  after {', '.join(f'[{n}]' for n in step['depends_on_steps'])}" if step["depends_on_steps"] else ""
    retried = f"  {step['retry_count']} retries" if step.get("retry_count") else ""
    line = Text(f"[{step['step_number']}] {step['tool_name']} for {step['serves_sub_question']}  ")
    line.append(step["status"], style=_colour(step["status"]))
    line.append(f"  {took}{after}{retried}")
    if step.get("error_message"):
        line.append(f"\n    {step['error_message']}", style="red")
    return line


def _colour(status: str) -> str:
    return _COLOURS.get(status, "white")
