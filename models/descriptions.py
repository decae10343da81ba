"""Descriptions: what the catalogue says of an item, as far as it tells what the item is like."""

import hashlib
from typing import NamedTuple

TEXT_CHARACTERS = 4000


class Description(NamedTuple):
    """What is said of one item.

    Attributes:
        author: who made it: an author, a brand, an artist; commas separate several, as they do categories.
        tags: short phrases, each to be read as one.
        text: as long as it may be; its first 4,000 characters count.
        embedding: a vector of it that was made elsewhere, or nothing.
    """

    item: str
    title: str = ""
    author: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    text: str = ""
    embedding: tuple[float, ...] = ()

    @property
    def authors(self) -> list[str]:
        """One by one."""
        return _between_commas(self.author)

    @property
    def phrases(self) -> list[str]:
        """Categories and tags."""
        return [*_between_commas(self.category), *self.tags]

    @property
    def words(self) -> str:
        """All that is said, in a row."""
        return " ".join((self.title, self.author, *self.phrases, self.text[:TEXT_CHARACTERS]))

    def digest(self, encoder: str = "") -> int:
        """64 bits that tell what is said and which encoder reads it, never 0."""
        numbers = map(repr, self.embedding)
        said = "\0".join(
            (encoder, self.title, self.author, self.category, self.text, *self.tags, "", *numbers)
        ).encode()
        return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little") | 1


def _between_commas(text: str) -> list[str]:
    return list(filter(None, map(str.strip, text.split(","))))
