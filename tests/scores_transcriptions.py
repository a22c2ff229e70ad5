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


def pooled_inside(pred, gt, valid, threshold, *, width, height):
    """The lower-body project's fraction of correct joints."""
    hits = counted = 0
    for p, g, v in zip(pred.reshape(-1, 2), gt.reshape(-1, 2), valid.ravel(), strict=True):
        if v > 0.5 and 0 <= g[0] < width and 0 <= g[1] < height:
            counted += 1
            hits += math.dist(p, g) / max(width, height) <= threshold
    return hits / counted if counted else 0.0


def accuracy_of_peaks(pred, gt, *, height, width):
    """HRNet's `accuracy`, from the peaks on: x over the height, y over the width."""
    accuracies = []
    for joint in range(gt.shape[1]):
        hits = counted = 0
        for (x, y), (gx, gy) in zip(pred[:, joint], gt[:, joint], strict=True):
            if gx > 1 and gy > 1:
                counted += 1
                hits += math.hypot((x - gx) / (height / 10), (y - gy) / (width / 10)) < 0.5
        if counted:
            accuracies.append(hits / counted)
    return sum(accuracies) / len(accuracies) if accuracies else 0.0


def head_sized(pred, gt, seen, head_sizes, *, left_out):
    """MPII's PCKh at 0.5 in HRNet's evaluation: of each joint, and the mean weighted by counts."""
    each, counts = [], []
    for joint in range(gt.shape[1]):
        good = [
            math.dist(pred[i, joint], gt[i, joint]) / head_sizes[i] <= 0.5
            for i in range(len(gt))
            if seen[i, joint]
        ]
        each.append(sum(good) / len(good))
        counts.append(len(good))
    kept = [joint for joint in range(len(each)) if joint not in left_out]
    weights = np.array(counts)[kept] / sum(counts[joint] for joint in kept)
    return np.array(each), float((np.array(each)[kept] * weights).sum())


def curve_area(pred, gt, mask, norm, num_thresholds):
    """MMPose's `keypoint_auc`, for positive norms."""
    areas = []
    for step in range(num_thresholds):
        fractions = []
        for joint in range(gt.shape[1]):
            hits = [
                math.dist(pred[i, joint], gt[i, joint]) / norm < step / num_thresholds
                for i in range(len(gt))
                if mask[i, joint]
            ]
            if hits:
                fractions.append(sum(hits) / len(hits))
        areas.append(sum(fractions) / len(fractions))
    return sum(areas) / len(areas)
