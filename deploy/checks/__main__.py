"""`python -m deploy.checks`: is all under `deploy/` as the tools of its readers want it?"""

from typing import Annotated

import typer

from deploy.checks import api_server, chart, image, image_checks, quick, server_checks
from deploy.checks.running import Check, CheckFailed, run_all

Full = Annotated[bool, typer.Option("--full", help="Ask a real API server too, and build and run the image.")]

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command()
def check(full: Full = False) -> None:
    """Dockerfile, compose file, chart, manifests and rules, by linters and schemas."""
    well = run_all(quick.checks())
    if full:
        well = run_all([Check("API server", _ask_server), Check("container", _run_image)]) and well
    if not well:
        raise typer.Exit(1)


def _ask_server() -> str:
    with api_server.running() as client:
        if not run_all(server_checks.checks(client)):
            raise CheckFailed("see above")
    return f"Kubernetes {api_server.VERSION}"


def _run_image() -> str:
    with image.images() as store:
        if not run_all(image_checks.checks(store)):
            raise CheckFailed("see above")
    return "built and run by buildah"


@app.command()
def manifests() -> None:
    """Write `deploy/manifests` anew from the chart."""
    chart.write_plain_manifests()


app()
