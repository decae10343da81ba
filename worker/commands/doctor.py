"""`millrace doctor`: is everything there that a worker needs?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from worker.commands.options import AsJson, Assignments, ConfigFile, RedisUrl, Servers, settings_of
from worker.commands.output import print_json
from worker.errors import ServiceUnavailable

if TYPE_CHECKING:  # loads the client libraries
    from worker.doctor import Finding


def doctor(
    as_json: AsJson = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
    bootstrap_servers: Servers = None,
    redis_url: RedisUrl = None,
) -> None:
    """Examine Kafka, Redis, libraries, clock and disk: each line says ok, or what to do about it.

    Ends with 0 when all is in order, else with 3.
    """
    settings = settings_of(config, assignments, kafka__bootstrap_servers=bootstrap_servers, redis__url=redis_url)
    from worker.doctor import examine

    findings = examine(settings)
    if as_json:
        print_json(findings)
    else:
        _print(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(ServiceUnavailable.exit_code)


def _print(findings: "Sequence[Finding]") -> None:
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = Text("ok  ", "green") if finding.ok else Text("FAIL", "bold red")
        console.print(mark, Text(f" {finding.name:{width}}  {finding.detail}"))
        if finding.remedy:
            console.print(Text(f"{'':{width + 6}} -> {finding.remedy}", "yellow"))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace doctor --bootstrap-servers localhost:9092 --redis-url redis://localhost")(
        doctor
    )
