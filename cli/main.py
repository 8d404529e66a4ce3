"""``e2i``: ask causal questions from the terminal, load data, run tools, and run the whole service on this machine."""

from __future__ import annotations

import typer

from cli import classifier, cohorts, compositions, data, experiment_log, questions, redrive, service, tools, twins

EPILOG = (
    "Exit codes: 0 done · 1 failed · 2 usage · 3 unreachable · 4 not allowed · 5 not found · 6 rejected · "
    "7 rate limited · 8 question unclear · 9 no answer yet"
)
app = typer.Typer(
    help=__doc__, epilog=EPILOG, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)
for part in (questions, data, cohorts, tools, service):
    app.add_typer(part.app)
app.add_typer(compositions.app, name="compositions")
app.add_typer(classifier.app, name="classifier")
app.add_typer(twins.app, name="twins")
app.add_typer(twins.app, name="twin", hidden=True)
app.command("jobs")(twins.jobs)
app.add_typer(redrive.app)
app.add_typer(experiment_log.app, name="mlflow")


def main() -> None:
    """Run the command."""
    app(prog_name="e2i")


if __name__ == "__main__":
    main()
