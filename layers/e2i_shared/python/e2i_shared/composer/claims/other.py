"""Sentences about gaps, tests, KPIs, and whatever a tool without sentences of its own returns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.composer.claims.told import per_row, say, scope_of, sentence
from e2i_shared.composer.pointers import escape
from e2i_shared.composer.render import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_shared.api.composition import Claim, ValueRef
    from e2i_shared.composer.claims.told import Told

_MOST_LISTED = 3
_MOST_GROUPS = 8
_MOST_NAMED = 20
_MOST_PERIODS = 12
_MOST_FIELDS = 6
_TOP = re.compile(r"\b(?:top|best|largest|highest|biggest)\s+(\d{1,2}|three|five|ten)?", re.IGNORECASE)
_LOWEST = re.compile(r"\b(?:lowest|worst|bottom|smallest|least|weakest)\s+(\d{1,2}|three|five|ten)?", re.IGNORECASE)
_LISTED = 50  # groups that a look-up lists unless asked for more: beyond them the lowest are not known
_NUMBERS = {"three": 3, "five": 5, "ten": 10}
_LONGEST_UNIT = 12
_BENCHMARKS = {
    "mean": "the average",
    "median": "the median",
    "top_decile": "the top decile",
    "target": "the target",
}
_COUNTED = re.compile(
    r"\b(hcps|doctors|physicians|prescribers|patients|customers|stores|accounts|people|persons|men|women)\b",
    re.IGNORECASE,
)


def gap(told: Told) -> Iterator[Claim]:
    """Say who trails the benchmark most, who leads, and what closing the gaps is worth."""
    unit = told.get("/unit") or told.labels.unit(str(told.get("/metric")))
    unit = unit if unit and len(unit) <= _LONGEST_UNIT else None
    metric, place = (
        told.labels.name(str(told.get("/metric") or "the metric")),
        f"{s}: " if (s := scope_of(told)) else "",
    )
    benchmark = _BENCHMARKS.get(str(told.get("/benchmark")), "the benchmark")
    adjusted = ", given their case mix" if told.get("/adjusted_for") else ""
    for name, word in (("bottom_performers", "behind"), ("top_performers", "ahead of")):
        rows = (told.get(f"/{name}") or [])[:_MOST_LISTED]
        if rows:
            slots = "; ".join(f"{{{2 * i}}} by {{{2 * i + 1}}}" for i in range(len(rows)))
            refs = [r for i in range(len(rows)) for r in _performer(told, f"/{name}/{i}", unit)]
            yield say(sentence(f"{place}furthest {word} {benchmark} for {metric}{adjusted}: {slots}."), *refs)
            place, adjusted = "", ""
    size = told.number("/benchmark_value", unit=unit)
    what = benchmark[:1].upper() + benchmark[1:]
    yield say(f"{what} is {{0}} per {per_row(told)}, over {{1}} compared.", size, told.number("/entities"))
    bounds = ("/total_opportunity", "/total_opportunity_ci_lower", "/total_opportunity_ci_upper")
    if all(told.get(p) is not None for p in bounds):
        total, low, high = (told.number(p, like=bounds) for p in bounds)
        text = f"Lifting all who trail {benchmark} up to it is worth {{0}} in total (95% interval {{1}} to {{2}})."
        yield say(text, total.model_copy(update={"unit": unit}), low, high)


def _performer(told: Told, at: str, unit: str | None) -> tuple[ValueRef, ValueRef]:
    """Return who, and the size of the (adjusted) gap."""
    pointer = f"{at}/adjusted_gap" if told.get(f"{at}/adjusted_gap") is not None else f"{at}/gap"
    ahead = told.get(pointer) < 0
    return told.text(f"{at}/entity"), told.number(pointer, unit=unit, transform="absolute" if ahead else "none")


def power(told: Told) -> Iterator[Claim]:
    """Say how large the test must be, what it can see, and how long it takes."""
    size, name = _counted(told)
    if told.get(size) is not None:
        text, target = f"The test needs {{0}} {name} per arm", told.number("/power_target", transform="percent")
        yield say(f"{text} to reach a power of {{1}}.", told.number(size), target)
    if told.get(f"/cautious{size}") is not None:
        text = f"If the effect is only as large as the near end of its interval, it needs {{0}} {name} per arm."
        yield say(text, told.number(f"/cautious{size}"))
    if told.get("/power") is not None and "sample_size" in told.inputs:
        yield say("With the sample given, its power is {0}.", told.number("/power", transform="percent"))
        if told.get("/minimum_detectable_effect") is not None:
            yield say("The smallest effect it can reliably see is {0}.", told.number("/minimum_detectable_effect"))
    if told.get("/duration_estimate_weeks") is not None:
        yield say("It takes about {0}.", told.number("/duration_estimate_weeks", unit="weeks"))


def _counted(told: Told) -> tuple[str, str]:
    """Return where the size of an arm stands and what it counts: whole clusters where they are randomised."""
    if told.get("/clusters_per_arm") is not None:
        return "/clusters_per_arm", told.get("/cluster_name") or "clusters"
    counted = _COUNTED.search(told.question)
    return "/required_sample_size_per_arm", counted[1] if counted else "units"


def kpi(told: Told) -> Iterator[Claim]:
    """Say the value, its change, and its breakdown."""
    unit = told.get("/unit")
    percent = unit == "fraction"
    shown = None if percent or not unit or len(unit) > _LONGEST_UNIT else unit
    where = f", {s}" if (s := scope_of(told)) else ""
    ranked = _TOP.search(told.question) or _from_below(told)
    if ranked:
        yield from _breakdown(told, shown, percent=percent, lead=f"{{0}}{where}, ")
    yield say(
        "{0}" + where + ": {1}" + (" ({2})" if told.get("/period") else "") + ".",
        told.text("/title"),
        _amount(told, "/value", shown, percent),
        *([told.span("/period")] if told.get("/period") else []),
    )
    if told.get("/change_pct") is not None and told.get("/previous") is not None:
        up = told.get("/change_pct") >= 0
        change = told.number("/change_pct", unit="%", transform="none" if up else "absolute")
        before = [told.span("/previous_period")] if told.get("/previous_period") else []
        text = f"That is {{0}} {'more' if up else 'less'}{' in relative terms' if percent else ''} than the {{1}}"
        yield say(
            text + (" of {2}." if before else " before."), change, _amount(told, "/previous", shown, percent), *before
        )
    if not ranked:
        yield from _breakdown(told, shown, percent=percent)
    yield from _trend(told, shown, percent=percent)


def _breakdown(told: Told, unit: str | None, *, percent: bool, lead: str = "") -> Iterator[Claim]:
    """Say the value of each group, or of as many as the question asks for; ``lead`` names the KPI where it comes first."""
    groups = [i for i, row in enumerate(told.get("/breakdown") or []) if row.get("value") is not None]
    below = _from_below(told)
    groups = groups[::-1] if below else groups
    named = below or _TOP.search(told.question)
    asked = _NUMBERS.get(named[1].lower(), 0) or int(named[1]) if named and named[1] else _MOST_GROUPS
    rows = groups[: max(1, min(asked, _MOST_NAMED))]
    if rows:
        by = ", ".join(told.labels.name(str(d)) for d in told.inputs.get("dimensions") or []) or "group"
        word = "Lowest first, by" if below else "By" if rows == groups else "First by"
        pairs = _labelled(told, "/breakdown", rows, "group", unit, percent=percent)
        text = f"{lead}{word.lower() if lead else word} {by}: {_pairs(len(rows), ' ', 1 if lead else 0)}."
        yield say(text, *([told.text("/title")] if lead else []), *pairs)


def _from_below(told: Told) -> re.Match[str] | None:
    """Return where the question asks for the lowest groups, when all of them are known."""
    return _LOWEST.search(told.question) if len(told.get("/breakdown") or []) < _LISTED else None


def _trend(told: Told, unit: str | None, *, percent: bool) -> Iterator[Claim]:
    """Say the last periods; of a trend by group, each group's first and last."""
    rows = [(i, row) for i, row in enumerate(told.get("/series") or []) if row.get("value") is not None]
    last = [i for i, row in rows if row.get("group") is None][-_MOST_PERIODS:]
    if last:
        yield say(
            f"Over time: {_pairs(len(last), ': ')}.", *_labelled(told, "/series", last, "period", unit, percent=percent)
        )
    groups = dict.fromkeys(row["group"] for _, row in rows if row.get("group") is not None)
    for group in list(groups)[:_MOST_GROUPS]:
        own = [i for i, row in rows if row.get("group") == group]
        ends = _labelled(told, "/series", [own[0], own[-1]], "period", unit, percent=percent)
        yield say("{0}: from {2} in {1} to {4} in {3}.", told.text(f"/series/{own[0]}/group"), *ends)


def _pairs(count: int, joint: str, first: int = 0) -> str:
    return "; ".join(f"{{{first + 2 * i}}}{joint}{{{first + 2 * i + 1}}}" for i in range(count))


def _labelled(
    told: Told, at: str, rows: Sequence[int], label: str, unit: str | None, *, percent: bool
) -> list[ValueRef]:
    return [r for i in rows for r in (told.text(f"{at}/{i}/{label}"), _amount(told, f"{at}/{i}/value", unit, percent))]


def _amount(told: Told, pointer: str, unit: str | None, percent: bool) -> ValueRef:
    return told.number(pointer, unit=unit, transform="percent" if percent else "none")


def anything(told: Told) -> Iterator[Claim]:
    """Say the first plain numbers of an output by their field names."""
    fields = [
        k
        for k, v in told.output.items()
        if isinstance(v, (int, float)) and not isinstance(v, bool) and k not in {"n", "seed"}
    ]
    for key in fields[:_MOST_FIELDS]:
        yield say(f"{literal(key.replace('_', ' ').capitalize())}: {{0}}.", told.number(f"/{escape(key)}"))
