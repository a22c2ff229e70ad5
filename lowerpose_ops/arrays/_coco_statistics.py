"""The ten numbers of COCO's keypoint evaluation, and what they are taken over."""

from __future__ import annotations

import numpy as np

from ._checks import Array

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MAX_DETS = 20
# Both ends belong to a range, square pixels.
AREA_RANGES = {"all": (0.0, 1e5**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e5**2)}

# name: (precision or recall, the threshold or all of them, the area range)
STATISTICS = {
    "AP": ("precision", None, "all"),
    "AP50": ("precision", 0.5, "all"),
    "AP75": ("precision", 0.75, "all"),
    "APM": ("precision", None, "medium"),
    "APL": ("precision", None, "large"),
    "AR": ("recall", None, "all"),
    "AR50": ("recall", 0.5, "all"),
    "AR75": ("recall", 0.75, "all"),
    "ARM": ("recall", None, "medium"),
    "ARL": ("recall", None, "large"),
}


def mean_of_known(values: Array) -> float:
    """The mean of what is above -1; -1 if nothing is."""
    known = values[values > -1]
    return float(np.mean(known)) if len(known) else -1.0


def statistics(precision: Array, recall: Array) -> dict[str, float]:
    """The ten numbers of [T, R, K, A, 1] and [T, K, A, 1] at the thresholds and ranges above."""
    labels = list(AREA_RANGES)
    curves = {"precision": precision, "recall": recall}
    numbers = {}
    for name, (kind, threshold, area) in STATISTICS.items():
        values = curves[kind][..., labels.index(area), 0]
        if threshold is not None:
            values = values[threshold == IOU_THRESHOLDS]
        numbers[name] = mean_of_known(values)
    return numbers
