"""analysis.json, and the keypoints that an analysis was made from, to make it again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from python_models.analysis.results import Analysis, as_json
from python_models.presentation.keypoints import Keypoints
from python_models.whole_file import write_json

SCHEMA_VERSION = 1
"""Of the file around the analysis, whose own version is in it."""


def write_analysis(
    path: Path,
    analysis: Analysis,
    *,
    keypoints: Keypoints,
    source: str,
    notes: Sequence[str],
    in_picture: Analysis | None = None,
) -> None:
    """Strict JSON; what is no number is null.

    Args:
        path: The file.
        analysis: What is written.
        keypoints: What it was made from; its frames' names are written.
        source: Name of the input.
        notes: Besides the analysis's warnings.
        in_picture: The 2D analysis of the same frames, where `analysis` is of a lifted pose.
    """
    content: dict[str, Any] = {
        "format": "lowerpose_ops analysis",
        "schema_version": SCHEMA_VERSION,
        "input": {
            "name": source,
            "skeleton": keypoints.skeleton.name,
            "frames": list(keypoints.names),
            "fps": keypoints.frame_rate,
        },
        "notes": list(notes),
        "analysis": as_json(analysis),
    }
    if in_picture is not None:
        content["analysis_in_picture"] = as_json(in_picture)
    write_json(path, content)


def write_keypoints(path: Path, keypoints: Keypoints) -> None:
    """The plain JSON that `read_keypoints` reads; coordinates to a thousandth."""
    table = keypoints.points.round(3)
    if keypoints.scores is not None:
        table = np.concatenate([table, keypoints.scores[..., None].round(6)], axis=-1)
    size = keypoints.image_size
    content = {
        "skeleton": keypoints.skeleton.name,
        "fps": keypoints.frame_rate,
        "frame": keypoints.frame,
        "image_size": None if size is None else list(size),
        "focal": keypoints.focal,
        "keypoints": as_json(table),
    }
    write_json(path, content)
