"""Scores by how much of the image a person takes up."""

from __future__ import annotations

import math

import numpy as np

from python_models.arrays import Array

# The edges of document 002, which leaves out persons below the first; they are a bin of their own.
EDGES = (0.05, 0.075, 0.1)
BINS = ("below 0.05", "0.05 to 0.075", "0.075 to 0.1", "0.1 and up")
UNKNOWN = -1


def person_ratios(boxes: Array, image_sizes: Array) -> Array:
    """The area of the person's box over that of the image, [N]; NaN where the image's is unknown.

    boxes: [N, 4], (x, y, width, height), as annotated: not cut off at the image's border.
    image_sizes: [N, 2], (W, H), 0 or NaN where unknown.
    """
    areas = np.asarray(image_sizes, np.float64).prod(-1)
    ratios = np.full(len(areas), math.nan)
    known = areas > 0
    ratios[known] = np.asarray(boxes, np.float64)[known, 2:].prod(-1) / areas[known]
    return ratios


def ratio_bins(ratios: Array) -> Array:
    """Each person's bin, an index of BINS; UNKNOWN for NaN. An edge belongs to the bin above it."""
    bins = np.digitize(ratios, EDGES)
    return np.where(np.isnan(ratios), UNKNOWN, bins)
