"""The languages that there are texts in."""

from enum import StrEnum


class Language(StrEnum):
    """By its subtag (BCP 47)."""

    ENGLISH = "en"
    CHINESE = "zh"
