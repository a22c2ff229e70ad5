"""Keypoints of three squats seen from the side, and files of them."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

from python_models.data.squat_camera import SquatCamera, rotation
from python_models.data.squat_figure import knee_angles, pose_figure
from python_models.data.squat_pose import sample_body, sample_pose
from python_models.motion.motion import Floats

FPS = 15.0
FRAMES = 90
PERIOD = 2.0  # seconds of a squat
SIZE = (320, 320)
LOWER_BODY = [11, 13, 15, 12, 14, 16]  # of COCO's
DEEPEST = 105.0  # degrees of knee flexion


@functools.cache
def squats(frames: int = FRAMES, azimuth: float = 85.0) -> tuple[Floats, Floats, Floats]:
    """World joints [T, 17, 3], pixels [T, 17, 2] and knee flexions [T, 2] in space, in degrees."""
    rng = np.random.default_rng(3)
    body = sample_body(rng)
    pose = dataclasses.replace(sample_pose(body, rng, arms="forward"), stagger=0.0)
    camera = side_camera(azimuth)
    joints, pixels, flexions = [], [], []
    for frame in range(frames):
        phase = (1 - np.cos(2 * np.pi * frame / FPS / PERIOD)) / 2
        moment = dataclasses.replace(pose, phase=phase, knee_flexion=5 + (DEEPEST - 5) * phase)
        figure = pose_figure(body, moment)
        joints.append(figure.joints)
        pixels.append(camera.project(camera.to_camera(figure.joints)))
        flexions.append([180 - angle for angle in knee_angles(figure.joints)])
    return np.array(joints), np.array(pixels), np.array(flexions)


def side_camera(azimuth: float) -> SquatCamera:
    """Level, 4.5 m away; an azimuth of 90 degrees sees the side."""
    away = rotation(2, azimuth)[:, 1]
    position = np.array([0.0, 0.0, 900.0]) - 4500 * away
    right = np.cross(away, [0.0, 0.0, 1.0])
    frame = np.stack([right, np.cross(away, right), away])
    middle = (SIZE[0] - 1) / 2
    return SquatCamera(SIZE[0] * 1.8, (middle, middle), SIZE, frame, -frame @ position)


def plain(points: Any, **fields: Any) -> dict[str, Any]:
    """The plain JSON's content; NaN is null."""
    points = np.asarray(points)
    skeleton = {6: "lower-body-6", 17: "coco-17"}.get(points.shape[1])
    rows = [[[None if np.isnan(v) else v for v in p] for p in f] for f in points.tolist()]
    content = {"skeleton": skeleton, "fps": FPS, "keypoints": rows}
    if points.shape[2] == 2:
        content["image_size"] = list(SIZE)
    return {**content, **fields}


def write_plain(path: Path, points: Any, **fields: Any) -> Path:
    path.write_text(json.dumps(plain(points, **fields)))
    return path
