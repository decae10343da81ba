"""The two compiled parts of a step: slopes of a softmax, and Adam (Kingma & Ba 2015) on the rows at hand."""

import numpy as np

from models.batch import Float32s, Int64s
from models.compiled import kernel
from models.elementary import exponential
from models.lane_sums import total
from models.lanes import LANES

MEAN_DECAY, SQUARE_DECAY, LEAST_ROOT = 0.9, 0.999, 1e-8
AVERAGED_STEPS = 40


@kernel
def take_slopes(logits: Float32s, targets: Int64s, weights: Float32s) -> float:
    """Replaces the logits (b, n) by the gradient of the weighed loss, which it returns."""
    loss, lanes = 0.0, logits.shape[1] // LANES * LANES
    for place in range(len(logits)):
        row, highest, whole = logits[place], np.float32(-3e38), np.float32(0.0)
        for item in range(len(row)):
            highest = max(highest, row[item])
        wanted = row[targets[place]] - highest
        for item in range(len(row)):
            row[item] = exponential(row[item] - highest)
        whole += total(row, lanes)
        for item in range(lanes, len(row)):
            whole += row[item]
        share = weights[place] / whole
        for item in range(len(row)):
            row[item] *= share
        row[targets[place]] -= weights[place]
        loss += weights[place] * (np.log(whole) - wanted)
    return loss


@kernel
def descend(
    values: Float32s,
    averages: Float32s,
    means: Float32s,
    squares: Float32s,
    gradients: Float32s,
    rows: Int64s,
    rate: np.float32,
) -> None:
    """Adam's step of these rows down their gradients, (r, w), and their averages after it.

    `rate` holds the corrections for the first steps.
    """
    for place in range(len(rows)):
        row, gradient = rows[place], gradients[place]
        value, average, mean, square = values[row], averages[row], means[row], squares[row]
        for part in range(len(gradient)):
            slope = gradient[part]
            mean[part] += np.float32(1 - MEAN_DECAY) * (slope - mean[part])
            square[part] += np.float32(1 - SQUARE_DECAY) * (slope * slope - square[part])
            value[part] -= rate * mean[part] / (np.sqrt(square[part]) + np.float32(LEAST_ROOT))
            average[part] += np.float32(1 / AVERAGED_STEPS) * (value[part] - average[part])
