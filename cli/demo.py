"""``python -m cli.demo``: the whole product in one go, on two published studies and the pharma sample whose truth is known."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.rule import Rule
from rich.text import Text

from cli import examples, loading, render, waiting
from cli.client import Client
from cli.connection import DATA_DIR
from cli.exits import CommandError
from cli.runtime import running
from cli.session import errors, output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from cli.connection import Connection

    Json = dict[str, Any]

FOLDER = DATA_DIR / "demo"
TABLES = ("hcps", "hcp_monthly", "patients", "territories")
STUDIES = ("nhefs", "nsw")


@dataclass(frozen=True, slots=True)
class Known:
    """What an effect is known to be: ``low`` to ``high`` in ``unit``, and who says so."""

    what: str
    low: float
    high: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the demonstration, the data set it is about, and what is known of the answer."""

    text: str
    dataset: str
    known: Callable[[Path], Known]


def _nhefs(_folder: Path) -> Known:
    return Known("quitting smoking on weight", 3.1, 3.6, "kg", "Hernán and Robins: 3.4 to 3.5 kg after adjustment")


def _nsw(_folder: Path) -> Known:
    return Known("training on earnings", 1_793, 1_795, "USD", "the experiment of Dehejia and Wahba: 1,794 USD")


def _kisqali(folder: Path) -> Known:
    from e2i_shared.api.common import Filter
    from e2i_shared.datasets.sample import generate

    stored = folder / "known.json"
    if not stored.exists():
        filters = [Filter(column="brand", value="Kisqali"), Filter(column="region", value="Northeast")]
        stored.write_text(json.dumps(generate().truth_for("rep_visits", "trx", filters).effect))
    effect = float(json.loads(stored.read_text()))
    return Known(
        "one more visit on TRx", effect * 0.8, effect * 1.2, "TRx", f"the sample's design: {effect:.3f} TRx a visit"
    )


QUESTIONS = (
    Question(
        "Did quitting smoking change weight, does that survive refutation, and which age groups gained most?",
        "nhefs",
        _nhefs,
    ),
    Question("Did training raise earnings?", "nsw", _nsw),
    Question(
        "Did more rep visits raise Kisqali TRx in the Northeast, which specialties responded most, "
        "and how many HCPs per arm would a test of that effect need?",
        "hcp_monthly",
        _kisqali,
    ),
)


def main() -> int:
    """Start the service, load the data, ask the questions, stop the service; 0 when every answer came."""
    from infra.local.datadir import open_data_dir

    started = time.monotonic()
    for name in ("E2I_URL", "E2I_TOKEN"):
        os.environ.pop(name, None)
    try:
        open_data_dir(DATA_DIR)
        with running(FOLDER / "service") as known:
            failed = _demonstrate(known)
    except CommandError as error:
        errors().print(render.problem(error.problem))
        return int(error.code)
    output().print(Rule())
    output().print(_farewell(time.monotonic() - started))
    return int(failed > 0)


def _demonstrate(known: Connection) -> int:
    with Client(known) as client:
        _say(f"The service runs at {known.url} for as long as this takes.")
        for name in _load_missing(client):
            _say(f"loaded {name}")
        return sum(not _ask(client, question) for question in QUESTIONS)


def _load_missing(client: Client) -> Iterator[str]:
    there = {item["name"] for item in client.items("/datasets", 100)}
    files = FOLDER / "files"
    for study in STUDIES:
        if study not in there:
            yield _load(client, examples.write_study(study, files))
    if not there.issuperset(TABLES):
        for path in examples.write_sample(files):
            yield _load(client, path)


def _load(client: Client, path: Path) -> str:
    found = loading.load(client, path, examples.description_of(path))
    return f"{found['name']}: {found['rows']:,} rows, {len(found['columns'])} columns"


def _ask(client: Client, question: Question) -> bool:
    """Ask, print answer, plan and comparison; return whether there was an answer."""
    console = output()
    console.print(Rule(style="cyan"))
    view = waiting.ask(client, question.text, question.dataset, None, 120)
    console.print(render.answer(view))
    if not view.get("composition_id"):
        return False
    whole, steps = waiting.whole(client, view["composition_id"])
    console.print(render.trace(whole, steps))
    console.print(compare(question.known(FOLDER), steps))
    return bool(view["status"] == "COMPLETED")


def compare(known: Known, steps: Sequence[Json]) -> Text:
    """Return how the first estimated effect compares with what is known."""
    effect = next((step["output_result"]["ate"] for step in steps if "ate" in (step.get("output_result") or {})), None)
    if effect is None:
        return Text(f"No effect was estimated; known: {known.source}.", style="red")
    near = known.low <= effect <= known.high
    verdict = "agrees with" if near else "lies outside"
    said = f"Check: {known.what} was estimated at {effect:,.4g} {known.unit}, which {verdict} {known.source}."
    return Text(said, style="green" if near else "yellow")


def _say(line: str) -> None:
    output().print(Text(line, style="dim"))


def _farewell(seconds: float) -> Text:
    return Text(
        f"Done in {seconds:.0f} s; the service is stopped, its data are kept in {FOLDER}.\n"
        f'To keep one running: make up   then, from another terminal: .venv/bin/e2i sample --load, .venv/bin/e2i ask "…"'
    )


if __name__ == "__main__":
    sys.exit(main())
