"""Sentences about why a measure changed, and which levers drive it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_shared.composer.claims.labels import verb_of
from e2i_shared.composer.claims.told import per_row, say, scope_of, sentence, shown_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_shared.api.common import Json
    from e2i_shared.api.composition import Claim
    from e2i_shared.composer.claims.told import Told

_MOST_LISTED = 3
_MOST_DRIVERS = 6
_KINDS = {"mix": "who is counted", "exposure": "how much of the levers they got", "response": "how they respond"}
_SPECIAL = {
    "baseline": "what no lever or covariate explains",
    "counted": "how many are counted",
    "mix_through_levers": "who is counted, by way of the levers",
}
_FALL = re.compile(
    r"\b(?:drop\w*|f[ae]ll\w*|declin\w*|decreas\w*|down|lower|dip\w*|slump\w*|plung\w*|lost|lose)\b", re.IGNORECASE
)
_RISE = re.compile(
    r"\b(?:r[io]se|rising|risen|gr[eo]w\w*|increas\w*|jump\w*|spik\w*|up|higher|gain\w*)\b", re.IGNORECASE
)


def change(told: Told) -> Iterator[Claim]:
    """Say how far the measure moved, what moved it most, what it is made of, and where."""
    unit, where = shown_unit(told.get("/unit")), f" for {s}" if (s := scope_of(told)) else ""
    moved = told.get("/change")
    fell = moved < 0
    size = told.number("/change", unit=unit, transform="absolute" if fell else "none")
    refs = [told.text("/title"), size, told.text("/side_a"), told.text("/side_b")]
    values = ("/value_a", "/value_b")
    refs += [told.number(p, like=values, unit=unit) for p in values]
    share = ""
    if told.get("/change_pct") is not None:
        share = " ({6})"
        refs.append(told.number("/change_pct", unit="%", transform="absolute" if fell else "none"))
    if told.get("/period_a") is None and told.get("/period_b") is None:
        text = f"{{0}}{where} is {'lower' if fell else 'higher'} by {{1}}{share} in {{3}} than in {{2}}: {{5}} against {{4}}."
        yield say(text, *refs)
    else:
        verb = "fell" if fell else "rose"
        yield say(f"{{0}}{where} {verb} by {{1}}{share}: from {{4}} ({{2}}) to {{5}} ({{3}}).", *refs)
    yield from premise(told, told.question)
    yield _main_cause(told, unit)
    rows = (told.get("/contributions") or [])[:_MOST_LISTED]
    if rows:
        slots = "; ".join(f"{_cause(told, row)} {{{i}}}" for i, row in enumerate(rows))
        yield say(
            f"Largest contributions: {slots}.",
            *(told.number(f"/contributions/{i}/amount", unit=unit) for i in range(len(rows))),
        )
    yield from _kinds(told, unit)
    yield from _slices(told, unit)


def premise(told: Told, question: str) -> Iterator[Claim]:
    """Say that the measure went the other way, where a question about a fall (or a rise) takes it for granted."""
    moved = told.get("/change")
    if not isinstance(moved, (int, float)) or told.tool != "change_attributor":
        return
    fell, rose = (bool(p.search(question)) for p in (_FALL, _RISE))
    if fell and not rose and moved > 0:
        yield say("The question takes a fall for granted, but the measure rose.")
    if rose and not fell and moved < 0:
        yield say("The question takes a rise for granted, but the measure fell.")


def _main_cause(told: Told, unit: str | None) -> Claim:
    at = "/main_cause"
    if told.get(at) is None:
        return say("No single contribution in that direction stands out from noise.")
    bounds = [f"{at}/{f}" for f in ("amount", "ci_lower", "ci_upper")]
    size, low, high = (told.number(p, like=bounds) for p in bounds)
    refs = [size.model_copy(update={"unit": unit}), low, high]
    levels = (f"{at}/level_a", f"{at}/level_b")
    went = ""
    if all(told.get(p) is not None for p in levels) and told.get(f"{at}/kind") != "response":
        went, refs = " (mean per row from {3} to {4})", [*refs, *(told.number(p, like=levels) for p in levels)]
    return say(
        f"The main cause is {_cause(told, told.get(at))}{went}: it accounts for {{0}} (95% interval {{1}} to {{2}}).",
        *refs,
    )


def _cause(told: Told, row: Json) -> str:
    """Return a contribution in words, without numbers."""
    name = told.labels.name(row["name"])
    by_kind = {
        "exposure": f"the level of {name}",
        "response": f"the response to {name}",
        "mix": f"who is counted, by {name}",
    }
    return _SPECIAL.get(row["name"], by_kind.get(row["kind"], name))


def _kinds(told: Told, unit: str | None) -> Iterator[Claim]:
    rows = [(i, _KINDS[g["kind"]]) for i, g in enumerate(told.get("/groups") or []) if g.get("kind") in _KINDS]
    if rows:
        slots = ", ".join(f"{name} {{{k}}}" for k, (_, name) in enumerate(rows))
        yield say(
            f"By kind, adding up to the whole: {slots}.",
            *(told.number(f"/groups/{i}/amount", unit=unit) for i, _ in rows),
        )


def _slices(told: Told, unit: str | None) -> Iterator[Claim]:
    """Say where it moved furthest, one slice for each dimension."""
    rows = told.get("/slices") or []
    first = {row["dimension"]: i for i, row in reversed(list(enumerate(rows)))}
    if first:
        places = list(first.items())[:_MOST_LISTED]
        slots = "; ".join(f"{told.labels.name(d)} {{{2 * k}}} ({{{2 * k + 1}}})" for k, (d, _) in enumerate(places))
        refs = [
            r
            for _, i in places
            for r in (told.text(f"/slices/{i}/level"), told.number(f"/slices/{i}/amount", unit=unit))
        ]
        yield say(f"Most of it happened in: {slots}.", *refs)


def drivers(told: Told) -> Iterator[Claim]:
    """Say which lever moves the outcome most, what each does, and which cannot be told from nothing."""
    outcome, unit = told.labels.name(str(told.get("/outcome"))), shown_unit(told.get("/unit"))
    rows = told.get("/drivers") or []
    if not rows:
        return
    first, lever = told.number("/drivers/0/per_sd", unit=unit), told.labels.name(rows[0]["lever"])
    clear = told.get("/top_driver") is not None
    most = f"{lever} {verb_of(lever, 'move')} {outcome} most"
    start = most if clear else f"{lever} {verb_of(lever, 'come')} first for {outcome}, but not clearly"
    text = f"{start}: a usual difference in it (one standard deviation) is worth {{0}} per {per_row(told)}."
    yield say(sentence(text), first)
    for i, row in enumerate(rows[:_MOST_DRIVERS]):
        bounds = [f"/drivers/{i}/{f}" for f in ("effect", "ci_lower", "ci_upper")]
        size, *interval = (told.number(p, like=bounds) for p in bounds)
        lever = told.labels.name(row["lever"])
        start = lever if row["significant"] else f"No clear effect of {lever}"
        refs = (size.model_copy(update={"unit": unit}), *interval, told.p_value(f"/drivers/{i}/p_adjusted"))
        yield say(sentence(f"{start}: {{0}} per unit (95% interval {{1}} to {{2}}; adjusted {{3}})."), *refs)
