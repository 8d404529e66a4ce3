"""What the tiny functions are."""

from __future__ import annotations

from infra.functions import EventRule, FunctionDescription, Queue, Route


class Tiny(FunctionDescription):
    """A function whose handler is ``tiny.handlers.<name>``."""

    @property
    def handler(self) -> str:
        return f"tiny.handlers.{self.name}"


def tiny(name: str, *, timeout: int = 10, workers: int = 2, **fields: object) -> Tiny:
    """Describe a function of this package."""
    return Tiny(
        name=name,
        summary=name,
        package="zip",
        memory_mb=128,
        timeout_seconds=timeout,
        rights=(),
        local_workers=workers,
        **fields,
    )


ENDED = {"source": ["aws.states"], "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"]}}

ECHO = tiny(
    "echo",
    routes=(
        Route("GET", "/public", public=True),
        Route("GET", "/echo"),
        Route("POST", "/echo"),
        Route("GET", "/echo/fixed"),
        Route("GET", "/echo/{name}"),
        Route("PATCH", "/echo/{name}/parts/{part}"),
    ),
    workers=3,
)
MISBEHAVE = tiny("misbehave", timeout=1, routes=(Route("POST", "/misbehave"),))
SPINNER = tiny("spinner", timeout=120, workers=1, routes=(Route("POST", "/spin"),))
STEP = tiny("step", workers=3)
AWS = tiny("aws", routes=(Route("POST", "/aws"),))
CONSUMER = tiny(
    "consumer",
    workers=1,
    queue=Queue("tiny", visibility_seconds=1, batch_size=4, max_receives=2),
    event_rules=(EventRule("ended", ENDED, "tiny"), EventRule("noted", {"detail-type": ["Noted"]}, "tiny")),
)
TICKER = tiny("ticker", workers=1, schedule="rate(1 minute)")
ALL = (ECHO, MISBEHAVE, SPINNER, STEP, AWS, CONSUMER, TICKER)
