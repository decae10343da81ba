"""`millrace snapshot`: what snapshots there are, whether they are whole, and going back to one."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from worker.commands.options import AsJson, Assignments, ConfigFile, settings_of
from worker.commands.output import print_json

if TYPE_CHECKING:  # slow to load: help does without them
    from worker.archive.difference import Difference
    from worker.archive.inventory import Cut
    from worker.archive.verification import Verdict
    from worker.ports import SnapshotStore

app = typer.Typer(help="List snapshots, verify and compare them, go back to one, take one along.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="WORKER/NUMBER", help="As `list` names it; WORKER alone = its newest.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="WORKER/NUMBER...", help="As `list` names them; none = all.")
]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Made if need be; `snapshots.directory` may name it.")]


@app.command("list", epilog="Example: millrace snapshot list --set snapshots.directory=./snapshots")
def list_all(as_json: AsJson = False, config: ConfigFile = None, assignments: Assignments = None) -> None:
    """List all snapshots: of which worker, of when, and where in the stream."""
    from worker.archive.inventory import inventory

    cuts = inventory(_store(config, assignments))
    if as_json:
        print_json(cuts)
        return
    table = Table("snapshot", "written", "partitions: next offset", "", box=None, header_style="bold")
    for cut in cuts:
        table.add_row(cut.name, _time(cut.created_ms), _offsets(cut.next_offsets), _remark(cut))
    Console(highlight=False).print(table if cuts else "There is no snapshot.")


@app.command(epilog="Example: millrace snapshot verify worker-0/12")
def verify(
    names: Names = None, as_json: AsJson = False, config: ConfigFile = None, assignments: Assignments = None
) -> None:
    """Read snapshots whole and compare them with their checksums; ends with 4 when one is damaged."""
    from worker.archive.inventory import found, readable
    from worker.archive.verification import verdicts
    from worker.errors import SnapshotError

    store = _store(config, assignments)
    wanted, unreadable = ([found(store, name) for name in names], 0) if names else readable(store)
    verdicts_found = list(verdicts(store, wanted))
    if as_json:
        print_json(verdicts_found)
    else:
        _print_verdicts(verdicts_found)
    damaged = [each.name for each in verdicts_found if each.faults]
    if damaged or unreadable:
        told = [*damaged, *([f"{unreadable} manifests"] if unreadable else [])]
        raise SnapshotError(f"damaged: {', '.join(told)}", "a worker passes them over, and goes on from an older one")


@app.command(epilog="Example: millrace snapshot diff worker-0/11 worker-0/12")
def diff(
    before: Name, after: Name, as_json: AsJson = False, config: ConfigFile = None, assignments: Assignments = None
) -> None:
    """Compare two snapshots: events, items, users, positions, and how much of each table changed."""
    from worker.archive.difference import difference
    from worker.archive.inventory import found

    store = _store(config, assignments)
    between = difference(store, found(store, before)[1], found(store, after)[1])
    if as_json:
        print_json(between)
    else:
        _print_difference(before, after, between)


@app.command(epilog="Example: millrace snapshot restore worker-0/11")
def restore(name: Name, config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Let a worker go on from an older snapshot; the events after it are learned again.

    A worker that runs ends at its next checkpoint, with exit code 17, and goes on from there when it is started again.
    """
    from worker.archive.inventory import found
    from worker.archive.moves import restore as go_back

    store = _store(config, assignments)
    chosen, manifest = found(store, name)
    written = go_back(store, chosen, manifest, _now_ms())
    typer.echo(f"{chosen.instance} goes on from snapshot {chosen.sequence}, written again as {written}")


@app.command(epilog="Example: millrace snapshot export worker-0/12 ./taken-along")
def export(name: Name, folder: Folder, config: ConfigFile = None, assignments: Assignments = None) -> None:
    """Copy a snapshot to a folder of its own: for a backup, or to look at it elsewhere."""
    from worker.archive.inventory import found, opened
    from worker.archive.moves import export as copy
    from worker.settings import SnapshotSettings

    settings = settings_of(config, assignments)
    store = opened(settings.snapshots, settings.memory)
    chosen, manifest = found(store, name)
    copy(store, chosen, manifest, opened(SnapshotSettings(directory=folder), settings.memory))
    typer.echo(f"{chosen.instance}/{chosen.sequence} is in {folder}")


def _store(config: Path | None, assignments: list[str] | None) -> "SnapshotStore":
    from worker.archive.inventory import opened

    settings = settings_of(config, assignments)
    return opened(settings.snapshots, settings.memory)


def _print_verdicts(verdicts: "list[Verdict]") -> None:
    table = Table("snapshot", "blobs", "MB", "", box=None, header_style="bold")
    for each in verdicts:
        table.add_row(each.name, str(each.blobs), f"{each.size_bytes / 1e6:.1f}", "; ".join(each.faults) or "whole")
    Console(highlight=False).print(table if verdicts else "There is no snapshot.")


def _print_difference(before: str, after: str, between: "Difference") -> None:
    table = Table("", before, after, box=None, header_style="bold")
    old, new = between.before, between.after
    table.add_row("written", _time(old.created_ms), _time(new.created_ms))
    for name in ("events_learned", "items"):
        table.add_row(name.replace("_", " "), f"{getattr(old, name):,}", f"{getattr(new, name):,}")
    table.add_row("users", f"{sum(old.users.values()):,}", f"{sum(new.users.values()):,}")
    table.add_row("next offsets", _offsets(old.next_offsets), _offsets(new.next_offsets))
    for component, share in sorted(between.changed.items(), key=lambda named: -named[1]):
        table.add_row(f"{component} changed", "", f"{share:.1%}")
    Console(highlight=False).print(table)


def _remark(cut: "Cut") -> str:
    if cut.sealed_by:
        return f"the end: taken over by {cut.sealed_by}"
    return f"gave up {', '.join(map(str, cut.released))}" if cut.released else ""


def _offsets(next_offsets: dict[int, int]) -> str:
    return "  ".join(f"{number}: {offset:,}" for number, offset in sorted(next_offsets.items())) or "none"


def _time(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(milliseconds / 1000))


def _now_ms() -> int:
    return round(time.time() * 1000)


def register(parent: typer.Typer) -> None:
    """Adds the commands."""
    parent.add_typer(app, name="snapshot")
