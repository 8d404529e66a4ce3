"""Questions of every kind put to the running service, and what one answer took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    Json = dict[str, Any]

POLL_SECONDS = 0.01
DEADLINE_SECONDS = 120.0
ENDED = {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "SKIPPED"}
BRANDS = ("Kisqali", "Fabhalta", "Remibrutinib")
REGIONS = ("Northeast", "Midwest", "South", "West")
MEASURES = ("TRx", "NRx")


class NotAnsweredError(Exception):
    """A question ended otherwise than with an answer or a clarification."""


@dataclass(frozen=True, slots=True)
class About:
    """What a question is about; another for each run, so that no plan is used again."""

    brand: str
    measure: str
    region: str
    other: str

    @classmethod
    def each(cls) -> list[About]:
        """Return every combination."""
        after = dict(zip(REGIONS, (*REGIONS[1:], REGIONS[0]), strict=True))
        return [
            cls(brand, measure, region, after[region]) for measure, brand, region in product(MEASURES, BRANDS, REGIONS)
        ]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of question: its words, how it must be routed, and whether it is composed or asked (and after which other question)."""

    name: str
    words: str
    routed: str
    composed: bool = False
    after: str = ""


KINDS = (
    Kind("single agent", "Did more rep visits raise {brand} {measure} in the {region}?", "SINGLE_AGENT"),
    Kind(
        "parallel",
        "How did {brand} {measure} trend in the {region} over the last 12 months, and how many HCPs per arm do I need to detect 2 TRx?",
        "PARALLEL_DELEGATION",
    ),
    Kind(
        "composer",
        "Did more rep visits raise {brand} {measure} in the {region}, which specialties responded most, does that survive refutation, "
        "and how large a test would confirm it?",
        "TOOL_COMPOSER",
        composed=True,
    ),
    Kind("clarification", "What about those in the {region}?", "CLARIFICATION_NEEDED"),
    Kind(
        "follow-up",
        "And in the {other}?",
        "SINGLE_AGENT",
        after="Did more samples raise {brand} {measure} in the {region}?",
    ),
)
COMPOSER = next(kind for kind in KINDS if kind.composed)


@dataclass(frozen=True, slots=True)
class Measured:
    """One question: milliseconds from the request to its end, and what the service kept of it."""

    answer_ms: float
    view: Json
    steps: list[Json] = field(default_factory=list)

    def tools_ms(self) -> float:
        """Return the time in which at least one tool ran."""
        spans = sorted(
            (_moment(s["completed_at"]) - (s["latency_ms"] or 0.0), _moment(s["completed_at"])) for s in self._ran()
        )
        total, reached = 0.0, float("-inf")
        for begin, end in spans:
            total += max(0.0, end - max(begin, reached))
            reached = max(reached, end)
        return total

    def overhead_ms(self) -> float:
        """Return the time in which no tool ran."""
        return max(0.0, self.answer_ms - self.tools_ms())

    def levels(self) -> int:
        """Return how many levels the plan had."""
        return len({s["level"] for s in self.steps})

    def _ran(self) -> list[Json]:
        return [s for s in self.steps if s["completed_at"] and s["latency_ms"]]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def put(client: httpx.Client, kind: Kind, about: About) -> Measured:
    """Ask a question of a kind; one that follows another is asked in a session of its own, after that."""
    session = f"bench-{uuid4()}" if kind.after else None
    if kind.after:
        ask(client, _words(kind.after, about), session)
    words = _words(kind.words, about)
    return compose(client, words) if kind.composed else ask(client, words, session)


def _words(words: str, about: About) -> str:
    return words.format(brand=about.brand, measure=about.measure, region=about.region, other=about.other)


def ask(client: httpx.Client, query: str, session: str | None = None) -> Measured:
    """Ask by ``POST /ask``, which waits for the answer."""
    started = time.perf_counter()
    view = client.post("/api/v1/ask", json={"query": query, "session_id": session}).raise_for_status().json()
    return _measured(client, started, view)


def compose(client: httpx.Client, query: str) -> Measured:
    """Start by ``POST /compose``, and poll; raises NotAnsweredError when it does not end COMPLETED."""
    started = time.perf_counter()
    accepted = client.post("/api/v1/compose", json={"query": query}).raise_for_status().json()
    path = f"/api/v1/compositions/{accepted['composition_id']}"
    view = client.get(path).raise_for_status().json()
    while view["status"] not in ENDED:
        if time.perf_counter() - started > DEADLINE_SECONDS:
            raise NotAnsweredError(f"{path} did not end within {DEADLINE_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
        view = client.get(path).raise_for_status().json()
    return _measured(client, started, view)


def _measured(client: httpx.Client, started: float, view: Json) -> Measured:
    elapsed = (time.perf_counter() - started) * 1000
    if view["status"] not in {"COMPLETED", "SKIPPED"}:
        raise NotAnsweredError(f"{view['query']!r} ended {view['status']}: {view.get('error')}")
    if not view.get("composition_id"):
        return Measured(elapsed, view)
    steps = client.get(f"/api/v1/compositions/{view['composition_id']}/steps").raise_for_status().json()["items"]
    return Measured(elapsed, view, steps)


def asked(
    client: httpx.Client, kind: Kind, about: Sequence[About], say: Callable[[str], None] = print
) -> list[Measured]:
    """Ask about each subject in turn and return those that were answered and routed as they should be; the others are said."""
    found = []
    for each in about:
        try:
            one = put(client, kind, each)
        except NotAnsweredError as error:
            say(str(error))
            continue
        routed = one.view.get("routing_pattern")
        if routed not in {kind.routed, None}:  # what was composed by name was not routed
            say(f"{one.view['query']!r} was routed as {routed}")
            continue
        found.append(one)
    return found
