"""Keypoint files that tests write, and what is in them."""

from __future__ import annotations

import json

import numpy as np


def dump(path, content):
    """Writes JSON; returns the path."""
    path.write_text(json.dumps(content))
    return path


def row(image_id, points, **fields):
    """A row of COCO results: [17, 2 or 3]; NaN is three zeros."""
    points = np.asarray(points, float)
    if points.shape[1] == 2:
        points = np.concatenate([points, np.full((17, 1), 0.8)], 1)
    values = np.where(np.isnan(points).any(1, keepdims=True), 0, points)
    return {"image_id": image_id, "category_id": 1, "keypoints": values.ravel().tolist(), **fields}


def body(x=0.0, size=100.0):
    """Any 17 points in a square."""
    rng = np.random.default_rng(0)
    return rng.uniform(0, size, (17, 2)) + np.array([x, 0])
