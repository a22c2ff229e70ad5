"""Small motion files that tests write, and the angle that they measure."""

from __future__ import annotations

import gzip

import numpy as np


def write(path, text):
    """Gzipped if the name ends in .gz; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text)
    return path


def comma_lines(rows):
    return "".join(",".join(f"{value:.6f}" for value in np.ravel(row)) + "\n" for row in rows)


def knee_flexion(motion):
    """[T, 2]: 180 degrees minus the interior angle hip-knee-ankle, left and right."""
    angles = []
    for side in ("left", "right"):
        hip, knee, ankle = np.moveaxis(
            motion.of(*(f"{side}_{joint}" for joint in ("hip", "knee", "ankle"))), 1, 0
        )
        thigh, shank = hip - knee, ankle - knee
        cosine = (thigh * shank).sum(axis=-1) / (
            np.linalg.norm(thigh, axis=-1) * np.linalg.norm(shank, axis=-1)
        )
        angles.append(180 - np.degrees(np.arccos(cosine)))
    return np.stack(angles, axis=-1)


def peak_knee_flexion(motion):
    """The largest of any frame, of the mean of both legs."""
    return np.nanmax(knee_flexion(motion).mean(axis=-1))
