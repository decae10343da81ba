"""`python -m deploy.checks`: is all under `deploy/` as the tools of its readers want it?"""

import typer

from deploy.checks import chart, quick
from deploy.checks.running import run_all

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command()
def check() -> None:
    """Dockerfile, compose file, chart, manifests and rules, by linters and schemas."""
    if not run_all(quick.checks()):
        raise typer.Exit(1)


@app.command()
def manifests() -> None:
    """Write `deploy/manifests` anew from the chart."""
    chart.write_plain_manifests()


app()
