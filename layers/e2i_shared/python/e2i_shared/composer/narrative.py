"""The narrative form of an answer: an executive summary and a full report in Markdown, made of the same printed claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_shared.api.composition import CompositionStatus
from e2i_shared.composer.render import render_claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from e2i_shared.api.common import Json
    from e2i_shared.api.composition import AnswerPart, MissingPart
    from e2i_shared.composer.model import StepRecord

_GRADES = ((0.8, "strong"), (0.6, "moderate"), (0.4, "limited"), (0.0, "weak"))
_MOST_CAVEATS = 3


def grade(confidence: float) -> str:
    """Return what a part's confidence is called: strong, moderate, limited or weak evidence."""
    return next(word for least, word in _GRADES if confidence >= least)


def executive_summary(
    headline: str,
    parts: Sequence[AnswerPart],
    missing: Sequence[MissingPart],
    caveats: Sequence[str],
    next_step: str | None,
    outputs: Mapping[int, Json],
) -> str:
    """Return the summary: the headline, the first finding of every other part, what is open, what to keep in mind, what to do next."""
    findings = [render_claim(p.claims[0], outputs) for p in parts if p.claims]
    lines = [f"**{headline}** ({grade(parts[0].confidence)} evidence)"] if parts else [f"**{headline}**"]
    lines += [
        f"- {text} ({grade(p.confidence)} evidence)"
        for p, text in zip([p for p in parts if p.claims], findings, strict=True)
        if text != headline
    ]
    lines += [f"- Not answered: {m.question}" for m in missing]
    blocks = ["\n".join([lines[0], "", *lines[1:]]).strip()]
    if caveats:
        blocks.append(f"Keep in mind: {' '.join(caveats[:_MOST_CAVEATS])}")
    if next_step:
        blocks.append(f"Next: {next_step}")
    return "\n\n".join(blocks)


def full_report(
    query: str,
    summary: str,
    parts: Sequence[AnswerPart],
    missing: Sequence[MissingPart],
    caveats: Sequence[str],
    steps: Iterable[StepRecord],
) -> str:
    """Return the report: the question, the summary, each part with its evidence, limits, and how each step was done."""
    blocks = [f"# {_line(query)}", "## Summary", summary, "## Findings"]
    for part in parts:
        blocks += [f"### {_line(part.question)}", part.text, f"Evidence: {grade(part.confidence)}."]
    if missing:
        blocks += ["## Not answered", _bullets(f"{m.question}: {m.reason}" for m in missing)]
    if caveats:
        blocks += ["## Limits and assumptions", _bullets(caveats)]
    return "\n\n".join([*blocks, "## How it was done", _bullets(_done(s) for s in steps)])


def _done(step: StepRecord) -> str:
    """Return what a step was and by which method, or why it has no result."""
    name = f"[{step.step.step_number}] {step.step.name} ({step.step.tool})"
    if step.status != CompositionStatus.COMPLETED:
        return f"{name}: {step.error_message or 'it did not finish'}"
    return f"{name}: {str((step.output or {}).get('method', '')).rstrip('.')}."


def method_texts(steps: Iterable[StepRecord]) -> list[str]:
    """Return the texts of steps that a report quotes."""
    return [text for s in steps for text in (_done(s), s.step.name)]


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _line(text: str) -> str:
    return " ".join(text.split())
