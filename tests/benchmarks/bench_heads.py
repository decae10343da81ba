"""Which head of a trained model serves where lists are to foresee one kind of event.

`python -m tests.benchmarks.bench_heads FILE FIRST LAST OBJECTIVE MODEL...`: FILE holds events, the events from FIRST to
LAST are foreseen and learned, the blend knowing nothing before; those of kind OBJECTIVE count, or "all". Each MODEL is
the folder of one that `millrace train` made from the events before FIRST, or FOLDER:HEAD,HEAD to choose among heads, by
default as the worker chooses, or "none": without the expert. Prints JSON, by model: the figures of `bench_tuning`.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from models.registry import EXPERTS
from models.warmup import warm_up
from producers.readers import ColumnNames
from tests.benchmarks.bench_tuning import measured
from worker.assembly import sequence_options
from worker.machine import this_machine
from worker.offline import Selection, aimed, read_stream
from worker.settings import ExpertSettings


def main(file: Path, first: int, last: int, objective: str, models: list[str]) -> None:
    """Measures and prints."""
    warm_up((*EXPERTS, "sequence"))
    warm_up()
    kinds = [] if objective == "all" else [objective]
    stream = aimed(read_stream(file, ColumnNames(), Selection()).slice(first, last), kinds)
    report: dict[str, object] = {"machine": asdict(this_machine()), "file": file.name, "objective": objective}
    for model in models:
        folder, _, heads = model.partition(":")
        named = tuple(filter(None, heads.split(",")))
        experts = ExpertSettings(sequence=model != "none", sequence_base=Path(folder), sequence_head=named)
        report[model] = measured(stream, None if model == "none" else sequence_options(experts, kinds))
        sys.stderr.write(f"{objective}, {model}: {report[model]}\n")
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:])
