"""A sound record of each format of events."""

from typing import Any

MOMENT = "2026-01-01T00:00:00Z"
PRODUCT = {"id": "i1", "product_id": "i1", "item_id": "i1", "price": 1, "quantity": 1, "position": 1, "index": 1}
SOUND: dict[str, Any] = {
    "millrace": {"user_id": "u1", "item_id": "i1", "event": "view_item", "ts": 1, "event_id": "e", "value": 1},
    "ga4": {
        "client_id": "u1",
        "timestamp_micros": 1,
        "events": [{"name": "view_item", "timestamp_micros": 1, "params": {"items": [PRODUCT], "session_id": 1}}],
    },
    "segment": {"type": "track", "event": "Product Viewed", "userId": "u1", "timestamp": MOMENT, "properties": PRODUCT},
    "snowplow": {
        "event_id": "e",
        "user_id": "u1",
        "event_name": "view_item",
        "derived_tstamp": MOMENT,
        "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1": [PRODUCT],
    },
    "google_retail": {
        "eventType": "detail-page-view",
        "visitorId": "u1",
        "eventTime": MOMENT,
        "productDetails": [{"product": PRODUCT, "quantity": 1}],
    },
    "personalize": {
        "userId": "u1",
        "sessionId": "s",
        "eventList": [{"eventType": "view", "itemId": "i1", "sentAt": 1, "eventId": "e", "eventValue": 1}],
    },
    "cloudevents": {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "t",
        "time": MOMENT,
        "data": {"user_id": "u1", "item_id": "i1", "event": "view_item"},
    },
}
