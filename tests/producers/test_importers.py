from pathlib import Path

import pytest

from producers.choices import LayoutName
from producers.importers import EventFile, layout_of
from worker.events import Interaction

SECOND = 978_300_760
RATED = [
    Interaction("1", "1193", "rate", SECOND * 1000, value=5.0),
    Interaction("2", "661", "rate", SECOND * 1000 + 1000, value=3.5),
]


def imported(layout: LayoutName, path: Path) -> list[Interaction]:
    return [event for batch in EventFile(path, layout_of(layout, path)) for event in batch.interactions()]


@pytest.mark.parametrize(
    ("layout", "name", "content"),
    [
        ("movielens", "ratings.dat", "1::1193::5::978300760\n2::661::3.5::978300761\n"),
        ("movielens", "ratings.csv", "userId,movieId,rating,timestamp\n1,1193,5.0,978300760\n2,661,3.5,978300761\n"),
        ("movielens", "u.data", "1\t1193\t5\t978300760\n2\t661\t3.5\t978300761\n"),
        ("amazon", "ratings_Toys.csv", "1,1193,5.0,978300760\n2,661,3.5,978300761\n"),
        ("amazon-item-first", "Toys.csv", "1193,1,5.0,978300760\n661,2,3.5,978300761\n"),
    ],
)
def test_ratings_are_imported(tmp_path: Path, layout: str, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert imported(LayoutName(layout), path) == RATED
    assert EventFile(path, layout_of(LayoutName(layout), path)).count() == 2


def test_retailrocket_is_imported_with_our_kinds(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "timestamp,visitorid,event,itemid,transactionid\n"
        "1433221332117,257597,view,355908,\n"
        "1433221332118,257597,addtocart,355908,\n"
        "1433222276276,599528,transaction,356475,4000\n"
    )
    assert imported(LayoutName.RETAILROCKET, path) == [
        Interaction("257597", "355908", "view_item", 1433221332117),
        Interaction("257597", "355908", "add_to_cart", 1433221332118),
        Interaction("599528", "356475", "purchase", 1433222276276),
    ]


def test_a_file_of_events_can_be_gone_through_again(tmp_path: Path) -> None:
    path = tmp_path / "ratings_Toys.csv"
    path.write_text("1,1193,5.0,978300760\n")
    events = EventFile(path, layout_of(LayoutName.AMAZON, path))
    assert sum(map(len, events)) == sum(map(len, events)) == 1
