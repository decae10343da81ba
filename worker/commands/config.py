"""`millrace config`: the settings in force, and all that there are."""

import typer

from worker.commands.options import (
    AsJson,
    Assignments,
    ConfigFile,
    InstanceId,
    RedisUrl,
    Servers,
    loaded_settings,
)
from worker.commands.output import print_json

app = typer.Typer(help="Show the settings in force, or all that there are.", no_args_is_help=True)


@app.command(epilog="Example: millrace config show --config millrace.toml")
def show(
    as_json: AsJson = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
    bootstrap_servers: Servers = None,
    redis_url: RedisUrl = None,
    instance_id: InstanceId = None,
) -> None:
    """Print the settings in force as TOML, and where each comes from that is not the default; secrets are masked."""
    loaded = loaded_settings(
        config,
        assignments,
        kafka__bootstrap_servers=bootstrap_servers,
        redis__url=redis_url,
        kafka__instance_id=instance_id,
    )
    from worker.settings_toml import as_toml

    if as_json:
        print_json(loaded.settings.model_dump(mode="json"))
    else:
        typer.echo(as_toml(loaded), nl=False)


@app.command(epilog="Example: millrace config schema --json")
def schema(as_json: AsJson = False) -> None:
    """Print the name, values, default and meaning of every setting; with --json, their JSON schema."""
    if as_json:
        from worker.settings import Settings

        print_json(Settings.model_json_schema())
        return
    from worker.settings_reference import sections

    for section in sections():
        typer.echo(f"[{section.name}] {section.meaning}")
        for each in section.settings:
            typer.echo(f"  {each.name}  ({each.takes})" + (f"  = {each.default}" if each.default else ""))
            typer.echo(f"      {each.meaning}")
        typer.echo()


def register(parent: typer.Typer) -> None:
    """Adds the commands."""
    parent.add_typer(app, name="config")
