"""`millrace topics`: the topics that a worker reads and writes."""

import typer

from worker.commands.options import Assignments, ConfigFile, Servers, settings_of

app = typer.Typer(help="Create the topics that a worker reads and writes.", no_args_is_help=True)


@app.command(epilog="Example: millrace topics create --bootstrap-servers localhost:9092 --set kafka.partitions=24")
def create(config: ConfigFile = None, assignments: Assignments = None, bootstrap_servers: Servers = None) -> None:
    """Create the topics of events, of items and of dead letters where they are absent.

    The events topic gets `kafka.partitions`, the others one; the items topic is compacted. How many replicas they
    have, and how long events stay, the brokers decide. Topics that are there are left as they are.
    """
    settings = settings_of(config, assignments, kafka__bootstrap_servers=bootstrap_servers).kafka
    from producers.kafka_writer import ensure_topics, standard_topics  # loads the client library

    topics = standard_topics(settings)
    created = ensure_topics(settings, topics)
    for topic in topics:
        typer.echo(f"{topic.name}: {'created' if topic.name in created else 'was there'}")


def register(app_of_all: typer.Typer) -> None:
    """Adds the command."""
    app_of_all.add_typer(app, name="topics")
