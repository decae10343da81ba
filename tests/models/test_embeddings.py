"""Embeddings: vectors that come with descriptions, and what an encoder makes of texts, count beside the words."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from models.batch import Float32s
from models.descriptions import Description
from models.embeddings import embeddings_of
from models.policies import Repeats
from models.recommender import Recommender, RecommenderOptions
from tests.support.learning import assert_same_state, restored

ON = RecommenderOptions(experts=("content",), repeats=Repeats.EXCLUDE)


@dataclass(frozen=True)
class Counting:
    """A text encoder that counts how often a text has each of some words."""

    name: str = "counting"
    of: tuple[str, ...] = ("sea", "steel")
    texts: list[str] = field(default_factory=list, compare=False)

    @property
    def width(self) -> int:
        return len(self.of)

    def encode(self, texts: Sequence[str]) -> Float32s:
        self.texts.extend(texts)
        return np.array([[text.count(word) for word in self.of] for text in texts], np.float32)


def similar(recommender: Recommender, item: str) -> dict[str, float]:
    content, row = recommender.knowledge.content, recommender.vocabulary.row(item)
    pairs = zip(content.items[row].tolist(), content.cosines[row].tolist(), strict=True)
    return {recommender.vocabulary.id_of(other): round(cosine, 4) for other, cosine in pairs if other >= 0}


def test_each_of_the_two_vectors_has_length_one_or_is_nothing() -> None:
    descriptions = [
        Description("a", "sea sea", embedding=(3.0, 4.0, 0.0)),
        Description("b", "steel", embedding=(1.0,)),
        Description("c", embedding=(float("nan"), 1.0, 1.0)),
    ]
    expected = np.array([[0.6, 0.8, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]])
    np.testing.assert_allclose(embeddings_of(descriptions, 3, Counting()), expected, rtol=1e-6)
    assert embeddings_of(descriptions, 0, None).shape == (3, 0)


def test_an_encoder_that_breaks_its_word_is_named() -> None:
    class Wrong(Counting):
        def encode(self, texts: Sequence[str]) -> Float32s:
            return np.zeros((len(texts), 7), np.float32)

    with pytest.raises(ValueError, match=r"counting made float32 of shape \(1, 7\)"):
        embeddings_of([Description("a")], 0, Wrong())


def test_items_without_a_common_word_are_alike_by_their_embeddings() -> None:
    recommender = Recommender(replace(ON, embedding_width=2))
    vectors = {"a": (1.0, 0.0), "b": (1.0, 0.0), "c": (0.0, 1.0)}
    recommender.describe_items([Description(item, f"title of{item}", embedding=each) for item, each in vectors.items()])
    found = similar(recommender, "a")
    assert found["b"] - found["c"] == pytest.approx(0.5)  # half of the whole vector's length


def test_what_the_encoder_reads_is_fused_with_the_words() -> None:
    encoder = Counting()
    recommender = Recommender(replace(ON, text_encoder=encoder))
    recommender.describe_items(
        [Description("a", "seaside"), Description("b", "overseas"), Description("c", "steelworks")]
    )
    assert encoder.texts == ["seaside  ", "overseas  ", "steelworks  "]
    assert similar(recommender, "a") == {"b": 0.5}


def test_texts_are_encoded_once_and_anew_by_another_encoder() -> None:
    first, second = Counting(), Counting("other")
    said = [Description("a", "sea"), Description("b", "steel")]
    options = replace(ON, text_encoder=first)
    recommender = Recommender(options)
    shard = recommender.new_shard()
    assert recommender.describe_items(said) == 2
    same, _ = restored(options, recommender, shard)
    assert same.describe_items(said) == 0
    assert_same_state(same.dump(), recommender.dump())
    other, _ = restored(replace(ON, text_encoder=second), recommender, shard)
    assert other.describe_items(said) == 2
    assert len(first.texts) == len(second.texts) == 2


def test_embeddings_of_another_width_begin_anew() -> None:
    recommender = Recommender(ON)
    shard = recommender.new_shard()
    said = [Description("a", "sea"), Description("b", "sea")]
    recommender.describe_items(said)
    other, _ = restored(replace(ON, embedding_width=4), recommender, shard)
    assert other.knowledge.content.embeddings.shape[1] == 4
    assert similar(other, "a") == {}
    assert other.describe_items(said) == 2
    assert set(similar(other, "a")) == {"b"}
