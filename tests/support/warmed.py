"""Imported by the process that workers of tests are forked from: all that takes time at a start is done by then."""

import river.drift  # noqa: F401

from worker import cli  # noqa: F401
from worker.settings import Settings
from worker.warmup import warm_up

warm_up(Settings())
