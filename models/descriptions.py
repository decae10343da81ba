"""Descriptions: what the catalogue says of an item, as far as it tells what the item is like."""

import hashlib
from typing import NamedTuple


class Description(NamedTuple):
    """What is said of one item.

    Attributes:
        author: who made it: an author, a brand, an artist; commas separate several, as they do categories.
        tags: short phrases, each to be read as one.
        text: as long as it may be.
    """

    item: str
    title: str = ""
    author: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    text: str = ""

    @property
    def authors(self) -> list[str]:
        """One by one."""
        return _between_commas(self.author)

    @property
    def phrases(self) -> list[str]:
        """Categories and tags."""
        return [*_between_commas(self.category), *self.tags]

    @property
    def digest(self) -> int:
        """64 bits that tell what is said, never 0."""
        said = "\0".join((self.title, self.author, self.category, self.text, *self.tags)).encode()
        return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "little") | 1


def _between_commas(text: str) -> list[str]:
    return list(filter(None, map(str.strip, text.split(","))))
