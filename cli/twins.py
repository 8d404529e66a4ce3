"""Commands about digital twins: twins train, list, show, simulate, validate, fidelity, versions, activate, delete."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from cli import plots, twin_views, waiting
from cli.client import LOAD_TIMEOUT
from cli.cohorts import condition
from cli.exits import Exit
from cli.session import AsJson, Token, Url, errors, reporting, session, show

app = typer.Typer(help="Learn a population from data, and ask it what an intervention would do.", no_args_is_help=True)
Json = dict[str, Any]
Id = Annotated[str, typer.Argument(metavar="TWIN_ID", help="A twin's id; see: e2i twins list")]


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="What to call it; the same name and brand again make a new version.")],
    *,
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="The data set to learn from.")],
    outcome: Annotated[str, typer.Option("--outcome", "-o", help="The column that interventions are to move.")],
    intervention: Annotated[list[str], typer.Option("--intervention", "-i", help="A recorded treatment; repeatable.")],
    brand: Annotated[str, typer.Option(help="The brand it speaks of.")],
    twin_type: Annotated[str, typer.Option("--type", help="hcp, patient or territory.")] = "hcp",
    feature: Annotated[
        list[str] | None, typer.Option("--feature", "-f", help="Describe a unit by this column.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the training.")] = True,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Train a twin on a data set and wait until it is ready."""
    body: Json = {"name": name, "dataset": dataset, "outcome": outcome, "interventions": intervention, "brand": brand}
    body |= {"twin_type": twin_type, "features": feature or []}
    with session(url, token, as_json=as_json) as client:
        accepted = client.post("/digital-twins/generate", body)
        job = waiting.job(client, accepted["job_id"], wait=wait)
    show(job, twin_views.job, as_json=as_json)
    raise typer.Exit(int(waiting.job_verdict(job)))


@app.command("list")
def list_twins(
    brand: Annotated[str | None, typer.Option(help="Only of this brand.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every version, not the active ones alone.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List the active twins, newest first."""
    with session(url, token, as_json=as_json) as client:
        found = list(client.items("/digital-twins", limit, brand=brand, active=None if every else "true"))
    show(found, twin_views.twins, as_json=as_json)


@app.command("show")
def show_twin(twin_id: Id, url: Url = None, token: Token = None, as_json: AsJson = False) -> None:
    """Show a twin with what its training found."""
    with session(url, token, as_json=as_json) as client:
        found = client.get(f"/digital-twins/{twin_id}")
    show(found, twin_views.twin, as_json=as_json)


@app.command()
def simulate(
    intervention: Annotated[str, typer.Argument(help="A recorded intervention, or a published type.")],
    *,
    twin_id: Annotated[str | None, typer.Option("--twin", help="A twin's id; else the brand's active one.")] = None,
    brand: Annotated[str | None, typer.Option(help="The brand whose active twin is asked.")] = None,
    dose: Annotated[float | None, typer.Option(help="Everyone receives this dose.")] = None,
    change: Annotated[float | None, typer.Option(help="Units added to the recorded dose.")] = None,
    change_pct: Annotated[
        float | None, typer.Option("--change-pct", help="Percent added to the recorded dose.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="A condition, e.g. 'decile >= 8'; repeatable.")
    ] = None,
    any_of: Annotated[
        list[str] | None, typer.Option("--any", help="A condition of which one is enough; repeatable.")
    ] = None,
    uptake: Annotated[float | None, typer.Option(help="Share of those targeted who really receive it.")] = None,
    weeks: Annotated[int | None, typer.Option(help="How long a real test may take.")] = None,
    count: Annotated[int, typer.Option(min=100, max=50_000, help="How many twins.")] = 10_000,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same result.")] = None,
    plot: plots.Plot = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Predict what an intervention does to a population; with --plot also draw it."""
    with reporting(as_json=as_json):
        plots.check(plot)
        filters, some = ([condition(each) for each in given or []] for given in (only, any_of))
    config = {"dose": dose, "dose_change": change, "dose_change_pct": change_pct, "uptake": uptake}
    config["duration_weeks"] = weeks
    body: Json = {"intervention_type": intervention, "twin_count": count, "population_filters": filters}
    body |= {"population_any": some} if some else {}
    body |= {"intervention_config": {name: value for name, value in config.items() if value is not None}}
    body |= {"seed": seed} if seed is not None else {}
    with session(url, token, as_json=as_json) as client:
        if twin_id:
            found = client.post(f"/digital-twins/{twin_id}/simulate", body)
        else:
            found = client.post("/digital-twin/simulate", body | {"brand": brand or _only_brand(client)})
        found = waiting.simulation(client, found)
    show(found, twin_views.simulation, as_json=as_json)
    plots.draw(list(found["charts"].values()), plot, as_json=as_json, to=errors())
    raise typer.Exit(int(Exit.OK if found["status"] == "COMPLETED" else Exit.FAILED))


def _only_brand(client: Any) -> str:
    """Return the brand of the newest active twin: the one meant where nothing is said."""
    found = list(client.items("/digital-twin/models", 1))
    return str(found[0]["brand"]) if found else "(none)"


@app.command()
def validate(
    simulation_id: Annotated[str, typer.Argument(help="The simulation that was put to the test.")],
    actual: Annotated[float | None, typer.Option(help="The effect that the real test found.")] = None,
    experiment: Annotated[
        str | None, typer.Option(help="The experiment that tested it; without --actual its own analysis is taken.")
    ] = None,
    low: Annotated[float | None, typer.Option(help="Lower end of its 95% interval.")] = None,
    high: Annotated[float | None, typer.Option(help="Upper end of its 95% interval.")] = None,
    sample_size: Annotated[int | None, typer.Option(min=1, help="How many units were in the test.")] = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Tell what came true of a simulation; the twin's fidelity follows."""
    told = {"actual_ate": actual, "actual_experiment_id": experiment, "actual_sample_size": sample_size}
    body: Json = {"simulation_id": simulation_id} | {name: value for name, value in told.items() if value is not None}
    body |= {"actual_ci": [low, high]} if low is not None and high is not None else {}
    with session(url, token, as_json=as_json) as client:
        found = client.post("/digital-twin/validate", body)
    show(found, twin_views.validation, as_json=as_json)


@app.command()
def fidelity(
    twin_id: Id,
    check: Annotated[bool, typer.Option("--check", help="Compare with the data set as it is now.")] = False,
    plot: plots.Plot = None,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show how far a twin can be trusted; with --plot draw its population and its predictions over time."""
    with reporting(as_json=as_json):
        plots.check(plot)
    path = f"/digital-twins/{twin_id}/fidelity"
    with session(url, token, as_json=as_json) as client:
        found = client.post(path, None, timeout=LOAD_TIMEOUT) if check else client.get(path)
    show(found, twin_views.fidelity, as_json=as_json)
    plots.draw(list(found["charts"].values()), plot, as_json=as_json, to=errors())


@app.command()
def versions(twin_id: Id, url: Url = None, token: Token = None, as_json: AsJson = False) -> None:
    """List the versions of a twin, or of one entity's twin."""
    with session(url, token, as_json=as_json) as client:
        found = client.get(f"/digital-twins/{twin_id}/versions", limit=100)["items"]
    show(found, twin_views.versions, as_json=as_json)


@app.command()
def activate(twin_id: Id, url: Url = None, token: Token = None, as_json: AsJson = False) -> None:
    """Use this version of a twin from now on."""
    with session(url, token, as_json=as_json) as client:
        found = client.post(f"/digital-twins/{twin_id}/activate", None)
    show(found, twin_views.twin, as_json=as_json)


@app.command()
def delete(twin_id: Id, url: Url = None, token: Token = None, as_json: AsJson = False) -> None:
    """Hide a version of a twin; its simulations stay."""
    with session(url, token, as_json=as_json) as client:
        client.send("DELETE", f"/digital-twins/{twin_id}")
    show({"deleted": twin_id}, lambda done: Group(Text(f"deleted {done['deleted']}")), as_json=as_json)


def jobs(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="A job's id.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop it before its next step.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Train again what FAILED, e.g. after kills.")] = False,
    url: Url = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show how far a training is, wait for it, cancel it, or try it again."""
    with session(url, token, as_json=as_json) as client:
        if cancel:
            client.post(f"/jobs/{job_id}/cancel", None)
        elif retry:
            client.post(f"/jobs/{job_id}/retry", None)
        job = waiting.job(client, job_id, wait=wait)
    show(job, twin_views.job, as_json=as_json)
    raise typer.Exit(int(Exit.OK if cancel else waiting.job_verdict(job)))
