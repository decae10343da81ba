import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import NOW_MS, event, line, records, rows
from worker.adapters.memory_source import MemoryRecord
from worker.errors import ConfigurationError
from worker.events import Reject
from worker.formats import FORMATS
from worker.formats.reader import Reader
from worker.settings import CleanSettings, EventSettings
from worker.steps.clean import Cleaner
from worker.steps.columns import Decoded
from worker.steps.decode import Decoder

DECODER = Decoder(EventSettings())
SMALL = EventSettings(max_record_bytes=120, max_id_characters=8)

FRAGMENTS = st.sampled_from(
    [
        line(),
        line("u2", ts=5, event_id="e"),
        line(kind="unheard_of"),
        line(user=""),
        line("u" * 9),
        line("\x01"),
        line("ü" * 8),
        line(context={"a": [{}]}),
        line(ts=-1),
        line(ts=2**70),
        b'{"user_id":"u","item_id":"i",',
        b'"event":"view_item"}',
        b'{"user_id":"u","x":[{}',
        b'{"user_id":"u}',
        b'{","item_id":"i","event":"view_item"}',
        b"\n",
        b"\r\n",
        b"\n\n",
        b" ",
        b"\t",
        b"{",
        b"}",
        b"}\n{",
        b",",
        b'"',
        b"[]",
        b"null",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\\\n",
        b"x" * 121,
    ]
)
VALUES = st.none() | st.binary(max_size=40) | st.lists(FRAGMENTS, max_size=4).map(b"".join)
POLLS = st.lists(VALUES, max_size=6)


def decode_all(values: list[bytes | None], settings: EventSettings | None = None) -> Decoded:
    return Decoder(settings or EventSettings()).decode(3, records(values, first_offset=100))


def reasons(decoded: Decoded) -> list[tuple[int, Reject]]:
    return [(rejection.offset, rejection.reason) for rejection in decoded.rejections]


def test_records_of_one_event_become_columns() -> None:
    decoded = decode_all([line("a", "x", ts=7), line("b", "y", "purchase", event_id="e1")])
    assert (decoded.users, decoded.items) == (["a", "b"], ["x", "y"])
    assert [decoded.kind_names[kind] for kind in decoded.kinds] == ["view_item", "purchase"]
    assert decoded.times_ms.tolist() == [7, NOW_MS]
    assert decoded.offsets.tolist() == [100, 101]
    assert decoded.record_times_ms.tolist() == [NOW_MS, NOW_MS]
    assert (decoded.event_keys != 0).tolist() == [False, True]
    assert not decoded.rejections


def test_the_weight_of_an_event_is_that_of_its_kind() -> None:
    settings = EventSettings(kinds={"view_item": 0.5, "purchase": 2, "dislike": 0})
    decoded = decode_all([line(), line(kind="dislike"), line(kind="purchase")], settings)
    assert decoded.weights.tolist() == [0.5, 0, 2]
    assert decoded.weights.dtype == np.float32


def test_events_of_the_objective_are_marked_and_without_one_all_are() -> None:
    values = records([line(), line(kind="purchase"), line(kind="like")])
    aimed = Cleaner(CleanSettings()).clean(Decoder(EventSettings(), ["purchase", "like"]).decode(0, values))
    assert aimed.batch.of_objective.tolist() == [False, True, True]
    assert [aimed.kind_names[kind] for kind in aimed.kinds] == ["view_item", "purchase", "like"]
    assert Cleaner(CleanSettings()).clean(DECODER.decode(0, values)).batch.of_objective.all()


@pytest.mark.parametrize("kind", ["sale", "view_item_list", "refund"])
def test_an_objective_that_nothing_can_teach_is_refused(kind: str) -> None:
    with pytest.raises(ConfigurationError, match=f"learning.objective: {kind} is no kind of event of a weight") as told:
        Decoder(EventSettings(), ["purchase", kind])
    assert f"events.kinds.{kind}=1" in told.value.remedy


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b" \n\n"])
@pytest.mark.parametrize("between", [b"\n", b"\r\n", b"\n\n"])
def test_json_lines_of_a_record_carry_the_offset_of_the_record(between: bytes, end: bytes) -> None:
    decoded = decode_all([line("a") + between + line("b") + end, line("c") + end, line("d")])
    assert decoded.users == ["a", "b", "c", "d"]
    assert decoded.offsets.tolist() == [100, 100, 101, 102]
    assert list(decoded.lines) == [line("a"), line("b"), line("c"), line("d")]
    assert not decoded.rejections


def test_a_gap_in_the_offsets_is_kept() -> None:
    polled = [MemoryRecord(offset, offset + 1, None, line()) for offset in (5, 9, 11)]
    decoded = DECODER.decode(0, polled)
    assert decoded.offsets.tolist() == [5, 9, 11]
    assert decoded.record_times_ms.tolist() == [6, 10, 12]


def test_a_pretty_printed_event_is_one_event() -> None:
    pretty = msgspec.json.format(line("a"), indent=2)
    assert decode_all([pretty, line("b")]).users == ["a", "b"]


def test_a_pretty_printed_event_without_item_is_one_rejection() -> None:
    decoded = decode_all([msgspec.json.format(b'{"user_id":"a","event":"view_item"}', indent=2)])
    assert reasons(decoded) == [(100, Reject.INVALID)]
    assert "item_id" in decoded.rejections[0].detail


def test_an_empty_poll_is_an_empty_batch() -> None:
    assert len(decode_all([])) == 0


@pytest.mark.parametrize(
    ("value", "reason", "named"),
    [
        (None, Reject.NULL_VALUE, ""),
        (b"", Reject.NOT_JSON, ""),
        (b" \n\n", Reject.NOT_JSON, ""),
        (b"hello", Reject.NOT_JSON, "malformed"),
        (b'{"user_id":"u1","item_id":', Reject.NOT_JSON, ""),
        (line() + line(), Reject.NOT_JSON, ""),
        (b"\xef\xbb\xbf" + line(), Reject.NOT_JSON, ""),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Reject.NOT_JSON, "recursion"),
        (b"[" * 900_000, Reject.NOT_JSON, ""),
        (b'{"user_id":"u\xff","item_id":"i","event":"view_item"}', Reject.NOT_UTF8, ""),
        (b"\x00\xff\xfe", Reject.NOT_UTF8, ""),
        (b"x" * 1_000_001, Reject.TOO_LARGE, "1000000"),
        (line() + b" " * 1_000_000, Reject.TOO_LARGE, ""),
        (b"[]", Reject.INVALID, "object"),
        (b"null", Reject.INVALID, "object"),
        (b'{"user_id":"u1","event":"view_item"}', Reject.INVALID, "item_id"),
        (b'{"user_id":5,"item_id":"i","event":"view_item"}', Reject.INVALID, "user_id"),
        (line(ts="yesterday"), Reject.INVALID, "ts"),
        (line(ts=1e12), Reject.INVALID, "ts"),
        (line(value="dear"), Reject.INVALID, "value"),
        (line()[:-1] + b',"value":1e999}', Reject.INVALID, "value"),
        (line()[:-1] + b',"value":NaN}', Reject.NOT_JSON, ""),
        (line(kind="scroll"), Reject.UNKNOWN_KIND, "scroll"),
        (line(kind=""), Reject.UNKNOWN_KIND, ""),
        (line(user=""), Reject.BAD_ID, "user_id"),
        (line(item=""), Reject.BAD_ID, "item_id"),
        (line(item="i" * 129), Reject.BAD_ID, "128"),
        (line(user="a\tb"), Reject.BAD_ID, "control"),
        (line(user="a\0b"), Reject.BAD_ID, "control"),
        (line(item="a\x7f"), Reject.BAD_ID, "control"),
        (b'{"user_id":"\\ud800","item_id":"i","event":"view_item"}', Reject.NOT_JSON, "surrogate"),
        (line(ts=-1), Reject.BAD_TIME, "-1"),
        (line(ts=2**62), Reject.BAD_TIME, "9999"),
        (line(ts=10**30), Reject.BAD_TIME, "9999"),
    ],
)
def test_a_bad_record_is_rejected_and_its_neighbours_are_kept(value: bytes | None, reason: Reject, named: str) -> None:
    decoded = decode_all([line("before"), value, line("after")])
    assert decoded.users == ["before", "after"]
    assert decoded.offsets.tolist() == [100, 102]
    (rejection,) = decoded.rejections
    assert (rejection.reason, rejection.partition, rejection.offset, rejection.key) == (reason, 3, 101, b"key")
    assert rejection.value == value
    assert named in rejection.detail
    assert "\n" not in rejection.detail


def test_a_bad_line_does_not_take_the_lines_beside_it() -> None:
    decoded = decode_all([b"\n".join([line("a"), b'{"user_id":1}', line("b", kind="scroll"), b"", b"x", line("c")])])
    assert decoded.users == ["a", "c"]
    assert [rejection.value for rejection in decoded.rejections] == [b'{"user_id":1}', b"x", line("b", kind="scroll")]


def test_an_event_without_any_time_is_rejected() -> None:
    decoded = DECODER.decode(0, records([line(ts=5), line()], timestamp=-1))
    assert decoded.times_ms.tolist() == [5]
    assert decoded.record_times_ms.tolist() == [-1]
    assert reasons(decoded) == [(1, Reject.BAD_TIME)]


def test_ids_are_measured_in_characters() -> None:
    assert decode_all([line("ü" * 128), line("名" * 128, "\u2028")]).users == ["ü" * 128, "名" * 128]
    assert reasons(decode_all([line("ü" * 129)])) == [(100, Reject.BAD_ID)]


def test_two_halves_of_an_event_in_two_records_are_no_event() -> None:
    halves: list[bytes | None] = [b'{"user_id":"u","item_id":"i",', b'"event":"view_item"}', line() + line()]
    assert reasons(decode_all(halves)) == [(offset, Reject.NOT_JSON) for offset in (100, 101, 102)]


def test_many_bad_records_among_many_are_found() -> None:
    values = [b"bad" if place % 97 == 0 else line(f"u{place}") for place in range(1000)]
    decoded = decode_all(list(values))
    assert [offset - 100 for offset, _ in reasons(decoded)] == list(range(0, 1000, 97))
    assert decoded.users == [f"u{offset - 100}" for offset in decoded.offsets]
    assert len(decoded) + len(decoded.rejections) == 1000


@given(POLLS)
def test_whatever_stands_in_the_records_each_is_accounted_for(values: list[bytes | None]) -> None:
    decoded = decode_all(values, SMALL)
    accounted = set(decoded.offsets.tolist()) | {rejection.offset for rejection in decoded.rejections}
    assert accounted == set(range(100, 100 + len(values)))
    assert all(rejection.partition == 3 and rejection.detail for rejection in decoded.rejections)
    assert decoded.offsets.tolist() == sorted(decoded.offsets.tolist())
    assert {len(getattr(decoded, name)) for name in ("users", "items", "kinds", "times_ms", "lines", "record_of")} == {
        len(decoded)
    }


@given(POLLS)
def test_records_read_together_are_what_they_are_apart(values: list[bytes | None]) -> None:
    together = decode_all(values, SMALL)
    decoder = Decoder(SMALL)
    apart = [decoder.decode(3, [record]) for record in records(values, first_offset=100)]
    assert rows(together) == [row for one in apart for row in rows(one)]
    assert list(together.lines) == [each for one in apart for each in one.lines]
    rejections = [rejection for one in apart for rejection in one.rejections]
    assert sorted(together.rejections, key=repr) == sorted(rejections, key=repr)


@given(POLLS)
def test_the_fast_way_of_reading_agrees_with_the_slow_one(values: list[bytes | None]) -> None:
    reader = Reader(FORMATS["millrace"], SMALL.max_record_bytes)
    polled = records(values)
    fast, slow = reader._read_together(polled), reader._read_each(0, polled)
    if fast is not None:
        assert not slow.rejections
        assert fast.interactions == slow.interactions
        assert list(fast.record_of) == list(slow.record_of)
        assert list(fast.lines) == list(slow.lines)
        assert [fast.lines[place] for place in range(len(fast.lines))] == slow.lines


@given(st.lists(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4), min_size=1, max_size=8))
def test_good_records_are_read_in_one_call(users: list[list[str]]) -> None:
    values = [b"\n".join(msgspec.json.encode(event(user)) for user in each) for each in users]
    read = Reader(FORMATS["millrace"], 1_000_000)._read_together(records(values))
    assert read is not None
    assert [one.user_id for one in read.interactions] == [user for each in users for user in each]


@pytest.mark.parametrize(
    ("low", "kind", "value", "weight"),
    [
        (2.0, "rate", 1, -2),
        (2.0, "rate", 2, -2),
        (2.0, "rate", 2.5, 2),
        (2.0, "rate", None, 2),
        (2.0, "view_item", 1, 0.5),
        (2.0, "score", 1, 1),
        (0.0, "rate", 1, 2),
    ],
)
def test_a_low_rating_weighs_below_zero(low: float, kind: str, value: float | None, weight: float) -> None:
    settings = EventSettings(kinds={"view_item": 0.5, "rate": 2, "score": 1}, low_rating=low)
    assert decode_all([line(), line(kind=kind, value=value)], settings).weights.tolist() == [0.5, weight]


def test_other_kinds_may_be_ratings_too() -> None:
    settings = EventSettings(kinds={"score": -3, "stars": 3}, rating_kinds=("score", "stars"), low_rating=5)
    low_and_high = [line(kind=kind, value=value) for kind in ("score", "stars") for value in (5, 6)]
    assert decode_all([*low_and_high, line(kind="unheard_of", value=1)], settings).weights.tolist() == [-3, -3, -3, 3]
