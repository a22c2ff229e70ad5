"""Small inputs for the lifters' tests: legs that bend, as motions and as files of a data set."""

from __future__ import annotations

import gzip

import numpy as np
import torch

from python_models.motion.lifter_pairs import Pairs
from python_models.motion.motion import Motion
from python_models.motion.skeletons import LOWER_BODY_6
from python_models.motion.ui_prmd import MARKERS

LEGS = [LOWER_BODY_6.indices(f"{side}_hip", f"{side}_knee", f"{side}_ankle")
        for side in ("left", "right")]  # fmt: skip


def legs(flexion, length=400.0):
    """Joints [T, 6, 3] of someone who bends both knees by degrees [T], in the world."""
    bend = np.radians(np.asarray(flexion, np.float64))
    joints = np.zeros((len(bend), 6, 3))
    for side, y in ((0, 100.0), (1, -100.0)):
        forward = length * np.sin(bend / 2)
        down = length * np.cos(bend / 2)
        hip, knee, ankle = LEGS[side]
        joints[:, ankle] = [0, y, 0]
        joints[:, knee] = np.stack([forward, np.full(len(bend), y), down], -1)
        joints[:, hip] = np.stack([0 * bend, np.full(len(bend), y), 2 * down], -1)
    return joints


def squat(subject="s01", frames=40, action="deep squat", length=400.0):
    flexion = 60 - 55 * np.cos(np.linspace(0, 2 * np.pi, frames))
    name = f"{action} of {subject}"
    return Motion(legs(flexion, length), LOWER_BODY_6, 100.0, subject, action, name)


def pairs(points, known=None, index=None):
    """A batch of points [B, K', 3]; what is seen does not matter."""
    count, joints = points.shape[:2]
    return Pairs(
        inputs=torch.zeros(count, joints, 2),
        inputs_known=torch.ones(count, joints),
        targets=points,
        targets_known=torch.ones(count, joints) if known is None else known,
        keypoints=torch.zeros(count, joints, 2),
        size=torch.full((count, 2), 1000.0),
        index=torch.arange(count) if index is None else index,
    )


def write_vicon(folder, subjects=("s01", "s02", "s03"), movements=("m01", "m03"), frames=12):
    """UI-PRMD's files of markers on people who bend their legs."""
    folder.mkdir(parents=True)
    for number, subject in enumerate(subjects):
        for movement in movements:
            joints = legs(np.linspace(5, 100, frames), 380 + 30.0 * number)
            markers = np.full((frames, len(MARKERS), 3), 1.0)
            markers += np.arange(len(MARKERS))[:, None]  # nothing at 0 0 0: that is missing
            middle = joints[:, [0, 3]].mean(1)
            for name, place in {
                "LASI": (90, 120, 60), "RASI": (90, -120, 60),
                "LPSI": (-90, 50, 60), "RPSI": (-90, -50, 60),
            }.items():  # fmt: skip
                markers[:, MARKERS.index(name)] = middle + place
            for name, place in {"LKNE": 1, "LANK": 2, "RKNE": 4, "RANK": 5}.items():
                markers[:, MARKERS.index(name)] = joints[:, place]
            lines = [",".join(f"{value:.4f}" for value in row.ravel()) for row in markers]
            text = "\n".join(lines) + "\n"
            path = folder / f"{movement}_{subject}_e01_positions.txt.gz"
            path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return folder
