"""Human3.6M in the layout of VideoPose3D, without pickles.

VideoPose3D's data_3d_h36m.npz holds one pickled object; to unpickle is to run what the file says,
so it is refused. docs/motion-data.md shows how to turn it once, where it is trusted, into an npz
with one array a recording, called "S1/Directions 1", which is read here.

Ionescu, Papava, Olaru and Sminchisescu, "Human3.6M: Large Scale Datasets and Predictive Methods for
3D Human Sensing in Natural Environments", PAMI 36, 2014; Pavllo et al., "3D human pose estimation
in video with temporal convolutions and semi-supervised training", CVPR 2019.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from python_models.motion.array_files import read_arrays
from python_models.motion.body_size import checked_size
from python_models.motion.camera import Camera
from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import HUMAN36M_17
from python_models.motion.text_files import read_object

FRAME_RATE = 50.0
KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Of the 32 joints, those of `HUMAN36M_17` in its order; the others are twins of these, or hands'
and feet's ends."""

_LARGEST = 1 << 32  # bytes unpacked; the whole data set has a tenth of it
_CONVERT = "docs/motion-data.md says how to convert it once, where the file is trusted"


def read_human36m(path: Path) -> list[Motion]:
    """The recordings of a converted npz, by name, in millimetres, Z up, at 50 Hz.

    Args:
        path: Arrays float [T, 32, 3] or [T, 17, 3] in metres, called subject/action, e.g.
            "S1/Directions 1". The number after the action tells its recordings apart.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds pickled objects, is no whole npz, or an array has another name, type or
            shape, or a body that is not of a person's size.
    """
    arrays = read_arrays(path, _LARGEST, _CONVERT)
    if not arrays:
        raise ValueError(f"{path}: no array in it")
    return [_motion(path, name, array) for name, array in sorted(arrays.items())]


def read_cameras(path: Path) -> dict[str, dict[str, Camera]]:
    """Cameras by subject and name from JSON; Human3.6M's own are not ours to ship.

    Args:
        path: {"S1": {"54138969": {"focal": [fx, fy], "center": [cx, cy], "size": [W, H],
            "rotation": [3 x 3], "translation": [3], "distortion": [k1, k2, p1, p2, k3]}}}, with
            x_camera = rotation @ x_world + translation in millimetres; distortion may be left out.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such object.
    """
    found: dict[str, dict[str, Camera]] = {}
    for subject, cameras in read_object(path).items():
        if not isinstance(cameras, dict):
            raise ValueError(f"{path}: {subject} must be an object of cameras")  # noqa: TRY004
        found[subject] = {
            name: _camera(f"{path}, {subject}/{name}", fields) for name, fields in cameras.items()
        }
    return found


def _motion(path: Path, name: str, array: np.ndarray[Any, np.dtype[Any]]) -> Motion:
    match = re.fullmatch(r"([^/]+)/([^/]+?)(?: \d+)?", name)
    if match is None:
        raise ValueError(f"{path}: expected names as 'S1/Directions 1', got {name!r}; {_CONVERT}")
    shapes = (32, 3), (len(HUMAN36M_17), 3)
    if array.dtype.kind != "f" or array.shape[1:] not in shapes or not len(array):
        raise ValueError(
            f"{path}: {name} must be floats [T, 32, 3] or [T, 17, 3], "
            f"got {array.dtype} {list(array.shape)}"
        )
    joints: Floats = array.astype(np.float64) * 1000
    if np.isinf(joints).any():
        raise ValueError(f"{path}: {name} must be finite, or NaN where a joint is not known")
    if array.shape[1] == 32:
        joints = joints[:, KEPT]
    motion = Motion(joints, HUMAN36M_17, FRAME_RATE, match[1], match[2], name)
    return checked_size(motion, f"{path}: {name}", "metres")


def _camera(where: str, fields: Any) -> Camera:
    shapes = {"focal": (2,), "center": (2,), "size": (2,), "rotation": (3, 3), "translation": (3,),
              "distortion": (5,)}  # fmt: skip
    if not isinstance(fields, dict) or not set(shapes) >= set(fields) >= set(shapes) - {
        "distortion"
    }:
        raise ValueError(f"{where}: expected an object with {', '.join(shapes)}")
    values = {}
    for name, value in fields.items():
        try:
            values[name] = np.array(value, np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{where}: {name} must be numbers") from None
        if values[name].shape != shapes[name] or not np.isfinite(values[name]).all():
            raise ValueError(f"{where}: {name} must be finite {list(shapes[name])}")
    width, height = values.pop("size")
    try:
        return Camera(size=(int(width), int(height)), **values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
