"""The error tree.

MillraceError                 what a user may see: one line of cause, one line of remedy
├── ConfigurationError        a setting, flag or file is wrong: nothing was started        exit 2
├── ServiceUnavailable        Kafka, Redis or a download is away: wait and retry           exit 3
├── StateError                our own state is wrong or foreign: stop without committing   exit 4
│   ├── SnapshotError         a snapshot is missing, altered or of another version
│   └── PositionError         the position to resume from fell out of the topic's retention
└── OwnershipLost             another worker owns our partitions now: leave at once        exit 17

A bad record is not an exception: it is a `Rejection` (events.py), counted and parked, and the worker goes on.
"""


class MillraceError(Exception):
    """A failure that names its cause and its remedy.

    Attributes:
        remedy: what the reader can do about it, one line; empty when there is nothing to do.
        exit_code: the exit status of a command that ends with this error.
    """

    exit_code = 1

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(cause)
        self.remedy = remedy


class ConfigurationError(MillraceError):
    """A setting, a flag or an input file is wrong."""

    exit_code = 2


class ServiceUnavailable(MillraceError):
    """A service we need does not answer."""

    exit_code = 3


class StateError(MillraceError):
    """Our own state cannot be trusted; going on would publish or commit something wrong."""

    exit_code = 4


class SnapshotError(StateError):
    """A snapshot is missing, altered, or of a version that this code does not read."""


class PositionError(StateError):
    """The position to resume from is no longer in the topic, or the topic is another one of the same name."""


ANOTHER_TOPIC = "remove the snapshots, or set kafka.on_gap to skip, to read the new topic from its beginning"


class OwnershipLost(MillraceError):
    """Another worker owns our partitions; whatever we still hold must not be written."""

    exit_code = 17
