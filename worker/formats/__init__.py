"""Shapes of JSON that events may come in: one file a format, chosen by the setting `events.format`."""

from worker.events import Interaction
from worker.formats.cloudevents import CLOUDEVENTS
from worker.formats.ga4 import GA4
from worker.formats.google_retail import GOOGLE_RETAIL
from worker.formats.personalize import PERSONALIZE
from worker.formats.segment import SEGMENT
from worker.formats.shape import Format
from worker.formats.snowplow import SNOWPLOW

FORMATS = {
    "millrace": Format(Interaction),
    "ga4": GA4,
    "segment": SEGMENT,
    "snowplow": SNOWPLOW,
    "google_retail": GOOGLE_RETAIL,
    "personalize": PERSONALIZE,
    "cloudevents": CLOUDEVENTS,
}
