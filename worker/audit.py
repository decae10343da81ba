"""The audit log: who decided what, when, in a topic of its own. It names no user who asked to be forgotten."""

import uuid
from typing import Any, Literal

import msgspec


class Decided(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision.

    Attributes:
        author: who made it, as the request said.
        at: UTC milliseconds.
        about: the rule, the id of one that was taken back, or what was reviewed.
    """

    what: Literal["rule", "rule taken back", "user forgotten", "reviewed"]
    author: str
    at: int
    about: Any = None


def audit_record(decided: Decided) -> tuple[str, bytes]:
    """Key and value; each decision has a key of its own, so that none takes another's place."""
    return uuid.uuid4().hex, msgspec.json.encode(decided)
