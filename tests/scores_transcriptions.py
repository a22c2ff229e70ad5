"""What other projects' scores compute, written anew and plainly, a joint at a time."""

from __future__ import annotations

import math

import numpy as np


def coco_similarity(detection, person, visible, area, bbox, sigmas):
    """The COCO API's object keypoint similarity of one detection and one person."""
    labelled = [v > 0 for v in visible]
    left, top, width, height = bbox
    terms = []
    for (x, y), (gx, gy), counts, sigma in zip(detection, person, labelled, sigmas, strict=True):
        if any(labelled):
            if not counts:
                continue
            dx, dy = x - gx, y - gy
        else:
            dx = max(0.0, left - width - x) + max(0.0, x - (left + 2 * width))
            dy = max(0.0, top - height - y) + max(0.0, y - (top + 2 * height))
        exponent = (dx * dx + dy * dy) / (2 * sigma) ** 2 / (area + np.spacing(1)) / 2
        terms.append(math.exp(-exponent))
    return sum(terms) / len(terms)


def nms_similarity(ours, others, our_scores, other_scores, our_area, other_area, sigmas, threshold):
    """The similarity in HRNet's and MMPose's suppression of detections, as MMPose has it: of the
    joints that both see, with the mean of the areas."""
    terms = []
    for index, sigma in enumerate(sigmas):
        if threshold is not None and not (
            our_scores[index] > threshold and other_scores[index] > threshold
        ):
            continue
        dx, dy = np.subtract(ours[index], others[index])
        area = (our_area + other_area) / 2 + np.spacing(1)
        terms.append(math.exp(-(dx * dx + dy * dy) / (2 * sigma) ** 2 / area / 2))
    return sum(terms) / len(terms) if terms else 0.0
