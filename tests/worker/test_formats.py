"""What all formats have in common: they are chosen by setting, and no document of any shape stops them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import records
from worker.events import Interaction, Reject
from worker.formats import FORMATS
from worker.formats.shape import Product, first_id, interactions, ms_from_micros, ms_from_seconds, number
from worker.settings import EventSettings
from worker.steps.decode import Decoder

NAMES = sorted(FORMATS)
FIELDS = st.sampled_from(
    [
        *("user_id", "userId", "client_id", "anonymousId", "visitorId", "USER_ID", "ITEM_ID", "TIMESTAMP", "event"),
        *("event_id", "event_name", "eventType", "events", "name", "params", "items", "item_id", "type", "properties"),
        *("products", "product_id", "productDetails", "product", "id", "eventList", "sentAt", "itemId", "data", "time"),
        *("timestamp", "timestamp_micros", "event_timestamp", "eventTime", "derived_tstamp", "specversion", "source"),
        *("unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1", "data_base64"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "u", "1.0", "track", "2024-02-29T23:59:59Z", "0001-01-01T00:00:00+14:00", "12", "nan", "inf"]
    )
)
DOCUMENTS = st.dictionaries(
    FIELDS,
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5)),
    max_size=9,
)


def test_every_format_of_the_settings_exists() -> None:
    for name in NAMES:
        Decoder(EventSettings.model_validate({"format": name}))
    choices = EventSettings.model_json_schema()["properties"]["format"]["enum"]
    assert sorted(choices) == NAMES


@pytest.mark.parametrize("name", NAMES)
@given(document=DOCUMENTS, junk=st.binary(max_size=30))
def test_any_document_becomes_events_or_rejections(name: str, document: dict[str, object], junk: bytes) -> None:
    decoder = Decoder(EventSettings.model_validate({"format": name}))
    polled = records([msgspec.json.encode(document), junk, msgspec.json.encode([document])])
    decoded = decoder.decode(0, polled)
    accounted = set(decoded.offsets.tolist()) | {rejection.offset for rejection in decoded.rejections}
    assert accounted == {0, 1, 2}


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_object_is_rejected_with_what_it_lacks(name: str) -> None:
    decoded = Decoder(EventSettings.model_validate({"format": name})).decode(0, records([b"{}"]))
    (rejection,) = decoded.rejections
    assert rejection.reason is Reject.INVALID
    assert rejection.detail


def test_products_share_what_is_common_and_get_event_ids_of_their_own() -> None:
    common = Interaction("u", "", "purchase", 5, "e", session_id="s", request_id="r")
    first, second = interactions(common, [Product("a", 2.5), Product("b", quantity=3, position=1)])
    assert first == Interaction("u", "a", "purchase", 5, "e:1", 2.5, session_id="s", request_id="r")
    assert second == Interaction("u", "b", "purchase", 5, "e:2", None, 3, "s", "r", 1)


def test_a_single_product_keeps_the_event_id() -> None:
    (one,) = interactions(Interaction("u", "", "purchase", 5, "e"), [Product("a")])
    assert one.event_id == "e"


def test_times_are_converted_to_milliseconds() -> None:
    assert ms_from_micros("1700000000123999") == 1_700_000_000_123
    assert ms_from_micros(1_700_000_000_123_999) == 1_700_000_000_123
    assert ms_from_seconds(1_700_000_000) == 1_700_000_000_000
    assert ms_from_seconds(1_700_000_000.1234) == 1_700_000_000_123


def test_what_is_no_number_and_nobody_is_refused() -> None:
    for text in ("nan", "inf", "dear"):
        with pytest.raises(ValueError, match=r"number|float"):
            number(text)
    with pytest.raises(ValueError, match="user"):
        first_id(None, "")
