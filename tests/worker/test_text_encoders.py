"""The text encoder that the settings name: a tiny model made here, and what is said where there is none."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.recommender import Recommender
from worker.assembly import recommender_options
from worker.describing import description_of
from worker.errors import ConfigurationError
from worker.events import Item
from worker.settings import ExpertSettings, Settings, load
from worker.text_encoders import open_text_encoder

WORDS = ["pirate", "robot", "ship", "wire"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that counts four words."""
    transformers = pytest.importorskip("sentence_transformers", reason="the extra text is not installed")
    try:
        modules = import_module("sentence_transformers.sentence_transformer.modules")
    except ImportError:  # of older versions
        modules = import_module("sentence_transformers.models")
    path = tmp_path_factory.mktemp("models") / "words"
    transformers.SentenceTransformer(modules=[modules.BoW(vocab=WORDS)], device="cpu").save(str(path))
    return path


def settings_with(**experts: Any) -> Settings:
    return load(overrides={f"experts.{name}": value for name, value in experts.items()}, environment={})


def test_a_saved_model_encodes_texts(folder: Path) -> None:
    encoder = open_text_encoder(ExpertSettings(content=True, text_encoder=folder))
    assert encoder is not None
    assert (encoder.name, encoder.width) == ("words", 4)
    np.testing.assert_array_equal(encoder.encode(["pirate ship", "wire"]), [[1, 0, 1, 0], [0, 0, 0, 1]])
    assert encoder.encode(["ship"]).dtype == np.float32


def test_its_vectors_take_part_and_room_in_the_budget(folder: Path) -> None:
    settings = settings_with(content=True, text_encoder=folder, embedding_width=3)
    recommender = Recommender(recommender_options(settings))
    assert recommender.options.max_items < recommender_options(settings_with(content=True)).max_items
    recommender.describe_items([description_of(Item("a", "pirate", embedding=(0.0, 0.0, 2.0)))])
    row = recommender.knowledge.content.embeddings[recommender.vocabulary.row("a")]
    np.testing.assert_allclose(row, np.array([0, 0, 1, 1, 0, 0, 0]) / np.sqrt(3), rtol=1e-5)


def test_without_the_content_expert_no_encoder_is_loaded(tmp_path: Path) -> None:
    assert open_text_encoder(ExpertSettings(text_encoder=tmp_path / "absent")) is None
    assert open_text_encoder(ExpertSettings(content=True)) is None


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"no model in {tmp_path}"):
        open_text_encoder(ExpertSettings(content=True, text_encoder=tmp_path))


def test_a_model_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="the extra text is not installed")
    (tmp_path / "modules.json").write_text("[")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        open_text_encoder(ExpertSettings(content=True, text_encoder=tmp_path))


def test_where_the_extra_is_missing_the_remedy_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modules.json").write_text("[]")
    monkeypatch.setitem(sys.modules, "worker.adapters.sentence_encoder", None)
    with pytest.raises(ConfigurationError) as raised:
        open_text_encoder(ExpertSettings(content=True, text_encoder=tmp_path))
    assert "millrace[text]" in raised.value.remedy
