"""What fuzzing found worth keeping is replayed: each input is taken within the limits, or turned away as promised."""

import zipfile

import pytest

from tests.fuzz.corpus import FOLDER, archive_of, recorded
from tests.fuzz.registry import NAMES, target
from tests.recovery.simulator.quiet import quiet

MOST_BYTES = 1_000_000


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_input_is_taken_or_turned_away(name: str) -> None:
    chosen, inputs = target(name), recorded(name)
    assert inputs
    with quiet():
        for content in (*chosen.seeds[:1], *inputs):
            chosen.check(content)


def test_the_corpus_is_small_and_of_these_targets() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)
    assert sum(archive_of(name).stat().st_size for name in NAMES) < MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_an_input_is_named_by_its_content(name: str) -> None:
    with zipfile.ZipFile(archive_of(name)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(set(archive.namelist()))
