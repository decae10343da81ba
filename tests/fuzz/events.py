"""Records of the event topic, in each format."""

import json

import numpy as np

from tests.fuzz.target import Target
from tests.fuzz.words import words_of
from tests.support.documents import SOUND
from tests.support.records import records, rows
from worker.event_faults import LAST_TIME_MS
from worker.formats import FORMATS
from worker.settings import CleanSettings, EventSettings
from worker.steps.clean import Cleaner
from worker.steps.decode import Decoder

MOST_BYTES = 2000  # so that mutation gets over it
WITHOUT_MEMORY = CleanSettings(dedupe_window_events=0, max_user_events_per_minute=0)


def event_target(name: str) -> Target:
    """Of the format of this name."""
    settings = EventSettings.model_validate({"format": name, "max_record_bytes": MOST_BYTES})
    decoder = Decoder(settings)
    sound = json.dumps(SOUND[name]).encode()

    def check(content: bytes) -> None:
        together, alone = decoder.decode(0, records([sound, content, sound])), decoder.decode(0, records([content], 1))
        offsets, rejected = together.offsets.tolist(), [each.offset for each in together.rejections]
        assert {0, 2} <= set(offsets), "a neighbour was lost"
        assert 1 in offsets or 1 in rejected, "it is neither learned nor rejected"
        assert [row for row in rows(together) if row[-1] == 1] == rows(alone), "its neighbours changed it"
        assert all(each.detail.encode() for each in together.rejections), "a rejection without a reason"
        assert len(content) <= MOST_BYTES or 1 not in offsets, "it is too large"
        ids = [*together.users, *together.items]
        assert all(0 < len(each) <= settings.max_id_characters for each in ids), "an id over the limit"
        assert all(min(each) >= " " and "\x7f" not in each for each in ids), "an id with a control character"
        assert ((together.times_ms >= 0) & (together.times_ms <= LAST_TIME_MS)).all(), "a time that no calendar has"
        assert np.isfinite(together.weights).all(), "a weight that is no number"
        Cleaner(WITHOUT_MEMORY).clean(together)

    return Target(check, [sound, b"\n".join([sound] * 2)], words_of(FORMATS[name].shape))
