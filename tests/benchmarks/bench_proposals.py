"""Proposals of the sequence expert by cells (extra `faiss`) beside exact ones, one thread.

`python -m tests.benchmarks.bench_proposals FILE BASE ITEMS`: BASE is a model that `millrace train` made, FILE holds
events, whose users' histories it reads. Its items are made ITEMS by mixing pairs of them and adding noise. Prints JSON:
seconds of processor time to divide the items into cells and to make an index of them, then by number of cells looked
through: milliseconds for 64 items for each of 32 users, exact and by cells in turn (medians), and the share of the
exact items that are found, of 64 and of the first 20.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

from models.batch import Float32s, Int64s
from models.neural import cells
from models.neural.histories import TRAIN, before, histories_of
from models.neural.tuned import new_encoder
from models.sequence_options import BaseModel, SequenceOptions
from producers.readers import ColumnNames
from worker.machine import this_machine
from worker.offline import Selection, read_stream
from worker.trained_model import HeadChoice, read_base

USERS, CHUNK, COUNT, LENGTH = 640, 32, 64, 20
PROBED = (16, 32, 64, 128)


def users_of(base: BaseModel, file: Path) -> Float32s:
    """(640, d): vectors of users drawn from the file."""
    stream = read_stream(file, ColumnNames(), Selection())
    histories = histories_of(stream, np.zeros(len(stream), np.int8))
    rows = np.array([base.rows.get(item, -1) for item in histories.item_ids])
    places = histories.with_history(TRAIN)
    read = before(histories, np.random.default_rng(1).choice(places, 4 * USERS, replace=False), LENGTH)
    own = np.where(read >= 0, rows[read], -1)
    tuned = new_encoder(SequenceOptions(base=base))
    tuned.encoder.eval()
    with torch.inference_mode():
        known = torch.from_numpy(own[(own >= 0).any(1)][:USERS])
        return tuned.read(torch.from_numpy(base.items), known).numpy()


def more(base: BaseModel, count: int) -> tuple[Float32s, Float32s]:
    """Vectors and biases of so many items: between two of the base's, nearer to one, with noise of .3 deviations."""
    draw, items = np.random.default_rng(2), base.items
    one, other = draw.integers(0, len(items), (2, count))
    share = draw.uniform(0.6, 1, (count, 1))
    vectors = share * items[one] + (1 - share) * items[other]
    vectors += 0.3 * items.std(0) * draw.standard_normal(vectors.shape)
    bias = base.bias[one] + 0.3 * base.bias.std() * draw.standard_normal(count)
    return vectors.astype(np.float32), bias.astype(np.float32)


def seconds(work: Callable[[], object]) -> float:
    """Processor time."""
    began = time.process_time()
    work()
    return time.process_time() - began


def compared(
    exact: Callable[[Float32s], Int64s], by_cells: Callable[[Float32s], Int64s], users: Float32s
) -> dict[str, float]:
    """Of all chunks, in turn."""
    times, shares = [], []
    for start in range(0, USERS, CHUNK):
        chunk = users[start : start + CHUNK]
        times.append([1000 * seconds(partial(work, chunk)) for work in (exact, by_cells)])
        for best, found in zip(exact(chunk).tolist(), by_cells(chunk).tolist(), strict=True):
            shares.append([len(set(best[:k]) & set(found)) / k for k in (COUNT, 20)])
    (slow, fast), (recall, of_20) = np.median(times, 0), np.mean(shares, 0)
    ratio = float(np.median([one / other for one, other in times]))
    return {"exact_ms": slow, "cells_ms": fast, "ratio": ratio, "recall_at_64": recall, "of_the_best_20": of_20}


def main(file: Path, folder: Path, count: int) -> None:
    """Measures and prints."""
    torch.set_num_threads(1)
    base = read_base(folder, 0, HeadChoice())
    users, (items, bias) = users_of(base, file), more(base, count)
    table, biases, rows = torch.from_numpy(items), torch.from_numpy(bias), np.arange(count)
    report: dict[str, object] = {"machine": asdict(this_machine()), "items": count}
    known: list[cells.Cells] = []
    report["cells_seconds"] = seconds(lambda: known.append(cells.Cells(items, bias)))
    made: list[cells.Index] = []
    report["index_seconds"] = seconds(lambda: made.append(known[0].index(rows, items, bias, known[0].of_base)))
    for probed in PROBED:
        made[0]._index.nprobe = probed
        report[f"probed {probed}"] = compared(
            lambda chunk: (torch.from_numpy(chunk) @ table.T + biases).topk(COUNT)[1].numpy(),
            lambda chunk: made[0].best(chunk, COUNT),
            users,
        )
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
