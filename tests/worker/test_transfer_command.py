"""`millrace transfer`: the snapshot that it leaves, that a worker goes on from it, and what it says it is worth."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from models.recommender import RecommenderOptions
from producers.keys import place_of
from producers.readers import ColumnNames
from tests.support.member import Member
from tests.support.rig import Rig
from tests.support.stream import feed
from worker.adapters.file_snapshots import FileSnapshots
from worker.budgets import items_budget_bytes, users_budget_bytes
from worker.cli import app
from worker.errors import ConfigurationError, SnapshotError
from worker.events import Item
from worker.offline import Scoring, Selection, evaluate, read_stream
from worker.transfer.likeness import likeness_of

pytestmark = pytest.mark.usefixtures("no_settings_from_outside")

USERS = [f"u{number}" for number in range(24)]
BOOKS = {
    f"b{number}": f"{'dragon sword quest' if number % 2 else 'murder police clue'} volume{number}"
    for number in range(12)
}
FILMS = {
    f"f{number}": f"{'dragon sword quest' if number % 2 else 'murder police clue'} reel{number}" for number in range(12)
}
PARTITIONS = 3
ROOM: dict[str, Any] = {
    "kafka__partitions": PARTITIONS,
    "memory__items_bytes": items_budget_bytes(50),
    "memory__users_bytes": users_budget_bytes(40, PARTITIONS),
}


def catalogue(path: Path, titles: dict[str, str]) -> Path:
    path.write_text("item_id,title\n" + "".join(f"{item},{title}\n" for item, title in titles.items()))
    return path


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """Snapshots: even users read of murder, odd ones of dragons."""
    member = Member(FileSnapshots(tmp_path / "books"), **ROOM)
    member.take(0, 1)
    draws = np.random.default_rng(2)
    for _ in range(20):
        for number, user in enumerate(USERS):
            item = f"b{2 * draws.integers(0, 6) + number % 2}"
            member.learn(f"{user}:{item}", partition=number % 2)
    member.write()
    return tmp_path / "books"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Catalogues of books and of films."""
    return catalogue(tmp_path / "books.csv", BOOKS), catalogue(tmp_path / "films.csv", FILMS)


def run(books: Path, files: tuple[Path, Path], out: Path, *arguments: object) -> Result:
    named = ["--from-items", files[0], "--items", files[1], "--out", out]
    settings = [word for name, value in ROOM.items() for word in ("--set", f"{name.replace('__', '.')}={value}")]
    return CliRunner().invoke(app, ["transfer", str(books), *map(str, [*named, *settings, *arguments])])


def worker_of(films: Path) -> Member:
    """One that owns all partitions of the new domain."""
    return Member(FileSnapshots(films), "w-7", **ROOM).take(*range(PARTITIONS))


def figures(*arguments: Any) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refusal(result: Result) -> BaseException:
    assert result.exception is not None
    return result.exception


def test_it_leaves_a_snapshot_from_which_any_worker_goes_on(
    books: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    found = figures(books, files, tmp_path / "films")
    assert found["items"] == {"new": 12, "begun": 12}
    assert found["users"] == {"old": 24, "begun": 24}
    worker = worker_of(tmp_path / "films")
    assert worker.restored
    assert worker.recommender.events == 0
    assert sorted(worker.recommender.vocabulary.ids_of(worker.recommender.vocabulary.rows_in_use().tolist())) == sorted(
        FILMS
    )
    for number, partition in worker.partitions.items():
        assert partition.next_offset == 0
        assert partition.epoch > 1
        rows = partition.shard.users.rows_in_use()
        assert partition.shard.users.ids_of(rows.tolist())
        assert all(place_of(user, PARTITIONS) == number for user in partition.shard.users.ids_of(rows.tolist()))
        assert partition.shard.profiles.taste[rows].any(axis=1).all()


def test_a_worker_reads_the_new_topic_from_its_beginning_and_goes_on_by_itself(
    books: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    figures(books, files, tmp_path / "films")
    rig = Rig(overrides=ROOM, snapshots=FileSnapshots(tmp_path / "films"))
    feed(rig.source, "u3:f1", "u4:f2", "u3:f5")
    rig.run()
    assert rig.watcher.events == rig.recommender.events == 3
    assert set(rig.lists.lists) == {"u3", "u4"}
    assert set(rig.lists.lists["u4"].items) == {"f1", "f2", "f5"}, "nobody has had the others yet"
    again = rig.again()
    feed(again.source, "u4:f7")
    again.run()
    assert (again.watcher.events, again.recommender.events) == (1, 4)


def test_films_lie_among_each_other_as_the_books_of_their_words_do(
    books: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    """Readers of dragons and of murder are apart, so vectors of these books are, and so are those of the films."""
    figures(books, files, tmp_path / "films")
    recommender = worker_of(tmp_path / "films").recommender
    rows = [recommender.vocabulary.row(f"f{number}") for number in range(12)]
    vectors = recommender.knowledge.vectors.outputs[rows]
    vectors -= vectors.mean(axis=0)
    fits = vectors @ vectors.T
    same = np.add.outer(np.arange(12), np.arange(12)) % 2 == 0
    assert fits[same].min() > 0 > fits[~same].max()


def test_what_it_is_worth_is_measured_on_the_first_events(
    books: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    events = tmp_path / "events.csv"
    draws = np.random.default_rng(4)
    rows = [(user, f"f{2 * draws.integers(0, 6) + int(user[1:]) % 2}") for _ in range(60) for user in USERS]
    lines = (f"{user},{film},{1_600_000_000 + place}\n" for place, (user, film) in enumerate(rows))
    events.write_text("user_id,item_id,timestamp\n" + "".join(lines))
    measured = figures(books, files, tmp_path / "films", "--events", events)["measured"]
    assert [row["events"] for row in measured] == [1000, 1440, 1440]
    for row in measured:
        hits = row["hr_at_20"]
        assert hits["with"] - hits["without"] == pytest.approx(hits["difference"])
        assert hits["low"] <= hits["difference"] <= hits["high"]
    plain = evaluate(read_stream(events, ColumnNames(), Selection()), RecommenderOptions(), Scoring()).figures
    assert measured[-1]["scored"] == plain["scored"]
    assert measured[-1]["mrr_at_20"]["without"] == pytest.approx(plain["mrr_at_20"])
    assert measured[-1]["mrr_at_20"]["with"] != measured[-1]["mrr_at_20"]["without"]
    table = run(books, files, tmp_path / "again", "--events", events)
    assert "HR@20 without" in table.output
    assert "12 of 12 items begin with vectors, 24 of 24 users" in table.output


def test_the_old_domain_may_have_other_memory_and_partitions(
    books: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    config = tmp_path / "books.toml"
    config.write_text("".join(f"{name.replace('__', '.')} = {value}\n" for name, value in ROOM.items()))
    bigger = {"memory.items_bytes": 2 * ROOM["memory__items_bytes"], "kafka.partitions": 1}
    settings = [word for name, value in bigger.items() for word in ("--set", f"{name}={value}")]
    found = figures(books, files, tmp_path / "films", "--from-config", config, *settings)
    assert (found["partitions"], found["users"]["begun"]) == (1, 24)
    reopened = Member(
        FileSnapshots(tmp_path / "films"), "w-7", **{**ROOM, **{k.replace(".", "__"): v for k, v in bigger.items()}}
    )
    assert len(reopened.take(0).partitions[0].shard.users) == 24


def test_users_of_the_same_name_may_be_others(books: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    found = figures(books, files, tmp_path / "films", "--no-users")
    assert found["users"] == {"old": 0, "begun": 0}
    assert all(len(each.shard.users) == 0 for each in worker_of(tmp_path / "films").partitions.values())


def test_items_are_like_those_of_the_nearest_texts() -> None:
    old = [Item("a", title="dragon sword"), Item("b", tags=("murder",), text="the police"), Item("c", title="sword")]
    new = [Item("x", title="murder", text="police clue"), Item("y", text="a dragon"), Item("z", title="unheard")]
    likeness = likeness_of(new, old, np.array([7, 8, 9], np.int32))
    assert likeness.rows[0, 0] == 8
    assert likeness.rows[1, 0] == 7
    np.testing.assert_allclose(likeness.weights.sum(axis=1), [1, 1, 0], rtol=1e-6)
    assert (np.diff(likeness.weights, axis=1) <= 0).all()


def test_only_the_nearest_twenty_count() -> None:
    old = [Item(str(number), title=f"common word{number}") for number in range(50)]
    likeness = likeness_of([Item("x", title="common word3")], old, np.arange(50, dtype=np.int32))
    assert likeness.rows.shape == (1, 20)
    assert likeness.rows[0, 0] == 3


def test_what_cannot_be_transferred_is_refused(books: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    nothing = refusal(run(tmp_path / "nowhere", files, tmp_path / "films"))
    assert isinstance(nothing, SnapshotError)
    assert "no snapshot to begin from" in str(nothing)
    foreign = refusal(run(books, (files[1], files[1]), tmp_path / "films"))
    assert isinstance(foreign, ConfigurationError)
    assert "knows no item of the old catalogue" in str(foreign)
    full = refusal(run(books, files, books))
    assert isinstance(full, ConfigurationError)
    assert "holds snapshots already" in str(full)
    assert not (tmp_path / "films").exists()
