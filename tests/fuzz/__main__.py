"""`python -m tests.fuzz TARGET --seconds N`: mutation that follows coverage, by atheris (`make fuzz`).

A finding ends the run with a traceback and is left in a file `crash-...`, `timeout-...` or `oom-...`. `record` packs
what the runs found worth keeping into `tests/corpus`, which `tests/worker/test_corpus.py` replays.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.corpus import record, recorded
from tests.fuzz.minimise import minimal
from tests.fuzz.mutation import cross
from tests.fuzz.registry import NAMES, target
from tests.recovery.simulator.quiet import quiet

MOST_INPUT_SECONDS = 5
MOST_INPUT_BYTES = 3000
MOST_MEGABYTES = 3000
INSTRUMENTED = ["worker", "tomllib"]  # what is compiled by numba, as models/, must stay as it is


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60, help="how long to fuzz; 0 = only record")
    parser.add_argument("--corpus", type=Path, required=True, help="folder of inputs, which grows")
    parser.add_argument("--record", action="store_true", help="only pack the folder's inputs into tests/corpus")
    chosen = parser.parse_args()
    own = chosen.corpus / chosen.target
    own.mkdir(parents=True, exist_ok=True)
    if chosen.record:
        _record(chosen.target, own)
    else:
        _fuzz(chosen.target, own, chosen.seconds)


def _fuzz(name: str, folder: Path, seconds: int) -> None:
    """Does not return: the engine ends the process."""
    import atheris

    with atheris.instrument_imports(include=INSTRUMENTED):
        chosen = target(name)
    chosen.check(chosen.seeds[0])  # what is compiled or loaded at first takes longer than an input may
    for content in (*chosen.seeds, *recorded(name)):
        (folder / f"seed-{abs(hash(content)):x}").write_bytes(content)
    options: dict[str, object] = {
        "max_total_time": seconds,
        "max_len": max(MOST_INPUT_BYTES, *(2 * len(seed) for seed in chosen.seeds)),
        "len_control": 0,
        "timeout": MOST_INPUT_SECONDS,
        "rss_limit_mb": MOST_MEGABYTES,
        "artifact_prefix": f"{folder.parent}/{name}-",
        "print_final_stats": 1,
        "verbosity": 1,
    }
    if chosen.words:
        options["dict"] = words = folder.parent / f"{name}.words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in chosen.words))
    arguments = [sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), str(folder)]
    atheris.Setup(arguments, chosen.check, custom_crossover=cross)
    with quiet():
        atheris.Fuzz()


def _record(name: str, folder: Path) -> None:
    chosen = target(name)
    found: Sequence[bytes] = [path.read_bytes() for path in sorted(folder.iterdir())]
    kept = minimal(chosen.check, [*chosen.seeds, *recorded(name), *found])
    record(name, kept)
    sys.stdout.write(f"{name}: {len(kept)} of {len(found)} inputs, {sum(map(len, kept))} bytes\n")


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
