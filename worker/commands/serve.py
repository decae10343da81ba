"""`millrace serve`: the HTTP API."""

from typing import Annotated

import typer

from worker.commands.options import Assignments, ConfigFile, RedisUrl, Servers, settings_of
from worker.errors import ConfigurationError

Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Sets api.host.")]
Port = Annotated[str | None, typer.Option("--port", metavar="PORT", help="Sets api.port.")]


def serve(
    host: Host = None,
    port: Port = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    bootstrap_servers: Servers = None,
    redis_url: RedisUrl = None,
) -> None:
    """Serve lists from Redis over HTTP, and write events to Kafka, until SIGTERM or Ctrl-C.

    It holds no model; several may run. docs/api.md shows requests, /v1/openapi.json describes them.
    """
    settings = settings_of(
        config,
        assignments,
        api__host=host,
        api__port=port,
        kafka__bootstrap_servers=bootstrap_servers,
        redis__url=redis_url,
    )
    try:
        from worker.api.serving import serve as run
    except ImportError as error:
        raise ConfigurationError(f"the API cannot run: {error}", "pip install 'millrace[api]'") from error

    run(settings)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace serve --redis-url redis://localhost:6379 --port 8080")(serve)
