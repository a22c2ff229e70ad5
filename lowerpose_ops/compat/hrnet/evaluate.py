"""PCK between heatmaps, as in HRNet's `core/evaluate.py`."""

from __future__ import annotations

import numpy as np

from ... import _arguments as arguments
from ...arrays import pck_counts
from .._checks import Array, check_array
from .inference import get_max_preds


def accuracy(
    output: Array,
    target: Array,
    hm_type: str = "gaussian",
    thr: float = 0.5,
    *,
    fixed: bool = False,
) -> tuple[Array, float, int, Array]:
    """The part of the maxima that lie near the target's.

    A joint is correct if the distance, with x divided by H / 10 and y by W / 10 (sic), is less than
    0.5, whatever thr is. It counts where the target's maximum has x > 1 and y > 1.

    Args:
        output: [B, J, H, W].
        target: Likewise.
        hm_type: "gaussian".
        thr: Not read without `fixed`.
        fixed: x is divided by W / 10 and y by H / 10, thr is the threshold, and a joint counts
            where its target has a positive value.

    Returns:
        The accuracies, [1 + J] float64: the mean over the joints that count, and one a joint, -1
        where it does not count; that mean; how many joints count; and the maxima of output,
        [B, J, 2].

    Raises:
        TypeError: The maps are no NumPy arrays, or of another dtype.
        ValueError: Their shapes differ; hm_type is another word, with which the original stops.

    Example:
        >>> target = np.zeros((1, 2, 64, 48), np.float32)
        >>> target[0, 0, 20, 10] = 1
        >>> acc, avg_acc, cnt, pred = accuracy(target, target)
        >>> acc.tolist(), avg_acc, cnt
        ([1.0, 1.0, -1.0], 1.0, 1)
    """
    name = "accuracy"
    for argument, heatmaps in (("output", output), ("target", target)):
        check_array(name, argument, heatmaps, {4: "[B, J, H, W]"})
    arguments.check_flag(name, "fixed", fixed)
    arguments.choice(name, "hm_type", hm_type, ("gaussian",))
    if output.shape[:2] != target.shape[:2]:
        shapes = list(output.shape[:2])
        raise arguments.value_error(name, "target", f"{shapes} maps", list(target.shape[:2]))
    pred, _ = get_max_preds(output)
    goal, maxima = get_max_preds(target)
    height, width = output.shape[2:]
    if fixed:
        norm = np.array([width, height]) / 10
        counts: Array = maxima[..., 0] > 0
        limit = arguments.number(name, "thr", thr)
    else:
        norm = np.array([height, width]) / 10
        counts = (goal[..., 0] > 1) & (goal[..., 1] > 1)
        limit = 0.5
    # Divided here, before the difference is taken, as in the original: distances on the threshold.
    correct, counted = pck_counts(pred / norm, goal / norm, counts, 1.0, max(limit, 0.0))
    acc = np.full(1 + len(counted), -1.0)
    acc[0] = 0.0
    some = counted > 0
    acc[1:][some] = correct[0][some] / counted[some]
    cnt = int(some.sum())
    # One after the other, as the original adds them.
    avg_acc = sum(acc[1:][some].tolist()) / cnt if cnt else 0.0
    acc[0] = avg_acc
    return acc, avg_acc, cnt, pred
