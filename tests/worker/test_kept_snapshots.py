"""What the version before wrote, this one reads."""

from pathlib import Path

from tests.support.kept_snapshots import EVENTS, kept, unpacked
from tests.support.member import Member, shop
from tests.support.rig import rankings
from worker.manifest import FORMAT


def test_a_snapshot_that_was_kept_when_its_format_came_up_loads_ranks_and_learns_on(tmp_path: Path) -> None:
    member = Member(unpacked(kept(FORMAT), tmp_path)).take(0)
    assert member.restored
    assert (member.recommender.events, member.partitions[0].next_offset) == (EVENTS, EVENTS)
    assert all(rankings(member.recommender).values())
    member.learn(*shop(20, seed=4)).write()
    assert member.recommender.events == EVENTS + 20
