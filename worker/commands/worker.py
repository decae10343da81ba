"""`millrace worker`: runs one worker of the group."""

from functools import partial

import typer

from worker.commands.options import Assignments, ConfigFile, InstanceId, RedisUrl, Servers, settings_of


def worker(
    config: ConfigFile = None,
    assignments: Assignments = None,
    bootstrap_servers: Servers = None,
    redis_url: RedisUrl = None,
    instance_id: InstanceId = None,
) -> None:
    """Read events from Kafka, learn, and publish fresh lists to Redis, until SIGTERM or Ctrl-C.

    It then finishes what it holds, writes a snapshot and ends with 0. SIGHUP reads the settings again: those of
    `docs/operations.md` change at once.
    """
    read = partial(
        settings_of,
        config,
        assignments,
        kafka__bootstrap_servers=bootstrap_servers,
        redis__url=redis_url,
        kafka__instance_id=instance_id,
    )
    settings = read()
    from worker.assembly import run_worker  # loads the models

    run_worker(settings, read)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace worker --config millrace.toml --set log.level=debug")(worker)
