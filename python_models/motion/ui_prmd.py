"""UI-PRMD: rehabilitation exercises, recorded by Vicon and by a Kinect.

Vakanski, Jun, Paul and Baker, "A Data Set of Human Body Movements for Physical Rehabilitation
Exercises", Data 3(1):2, 2018. Files are called m01_s02_e03_positions.txt: movement, subject,
episode; of a movement that is done wrongly on purpose m01_s02_e03_positions_inc.txt. They may be
gzipped. Both readers give X forward, Y to the left, Z up.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from python_models.motion.body_size import checked_size
from python_models.motion.hip_centres import hip_centres
from python_models.motion.kinematics import euler_rotations, joint_positions, z_up
from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import skeleton
from python_models.motion.text_files import read_number_table, stem

VICON_RATE = 100.0
KINECT_RATE = 30.0
"""Hz. Measured on the squats: the last episodes' files have 29.4 to 30.9 frames a second of Vicon's
(30.2 in the median); the first ones' run up to half a second longer. How long a knee stays bent
beyond 50 to 80 degrees takes 26 to 33 (30.2 in the median, without s06 whose legs it lost)."""

ACTIONS = {
    "m01": "deep squat",
    "m02": "hurdle step",
    "m03": "inline lunge",
    "m04": "side lunge",
    "m05": "sit to stand",
    "m06": "straight leg raise",
    "m07": "shoulder abduction",
    "m08": "shoulder extension",
    "m09": "shoulder rotation",
    "m10": "shoulder scaption",
}
"""What the number in a file's name means; ", incorrect" is added to that of an _inc file."""

MARKERS = (
    "LFHD", "RFHD", "LBHD", "RBHD", "C7", "T10", "CLAV", "STRN", "RBAK", "LSHO", "LUPA", "LELB",
    "LFRM", "LWRA", "LWRB", "LFIN", "RSHO", "RUPA", "RELB", "RFRM", "RWRA", "RWRB", "RFIN", "LASI",
    "RASI", "LPSI", "RPSI", "LTHI", "LKNE", "LTIB", "LANK", "LHEE", "LTOE", "RTHI", "RKNE", "RTIB",
    "RANK", "RHEE", "RTOE",
)  # fmt: skip
"""Plug-in Gait's markers in the order of the columns."""

VICON_SKELETON = skeleton("ui-prmd-vicon", (
    "pelvis", "left_hip", "left_knee", "left_ankle", "left_heel", "left_toe", "right_hip",
    "right_knee", "right_ankle", "right_heel", "right_toe", "spine", "thorax", "head",
    "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
))  # fmt: skip

# The Kinect's 22 nodes in the order of the columns, and those that are no joints elsewhere.
_KINECT_NODES = (
    "root", "spine", "chest", "thorax", "neck", "head", "left_collar", "left_shoulder",
    "left_elbow", "left_wrist", "right_collar", "right_shoulder", "right_elbow", "right_wrist",
    "left_hip", "left_knee", "left_ankle", "left_toe", "right_hip", "right_knee", "right_ankle",
    "right_toe",
)  # fmt: skip
_KINECT_PARENTS = (-1, 0, 1, 2, 3, 4, 3, 6, 7, 8, 3, 10, 11, 12, 0, 14, 15, 16, 0, 18, 19, 20)
_KINECT_ONLY = ("root", "chest", "left_collar", "right_collar")
KINECT_SKELETON = skeleton(
    "ui-prmd-kinect",
    ("pelvis", *(node for node in _KINECT_NODES if node not in _KINECT_ONLY)),
)


def read_vicon(path: Path) -> Motion:
    """A file of 39 markers as joints, at 100 Hz.

    Hips are centres of the joints (`hip_centres`), the pelvis is their middle. Knees, ankles,
    elbows and shoulders are the markers themselves, on the skin of the joint's outer side (of the
    acromion): the centre lies half the joint's width further in, some 50 mm at the knee, and the
    files do not say how wide a joint is. Knee flexion hardly depends on it, for the offset lies
    along the axis of the knee; measures across the body, as the knees' distance, do. A wrist is the
    middle of its two markers, the thorax of C7 and CLAV, the spine of T10 and STRN, the head of its
    four markers.

    Args:
        path: Comma-separated: x, y, z of each of `MARKERS` in millimetres, a line a frame. A marker
            at 0 0 0 is missing: joints made of it are NaN in that frame.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line is not of 117 finite numbers; the name is none of UI-PRMD's; the body
            is not of a person's size.
    """
    subject, action = subject_and_action(path)
    markers = read_number_table(path, 3 * len(MARKERS)).reshape(-1, len(MARKERS), 3)
    markers[(markers == 0).all(axis=-1)] = np.nan
    joints = _vicon_joints(markers)
    motion = Motion(joints, VICON_SKELETON, VICON_RATE, subject, action, stem(path))
    return checked_size(motion, path)


def read_squats(root: Path, *, incorrect: bool = True) -> list[Motion]:
    """The Vicon recordings of deep squats, by name; those done wrongly come last.

    Args:
        root: The folder of vicon-positions and vicon-positions-incorrect.
        incorrect: Also those.

    Raises:
        ValueError: There is none.
    """
    folders = ("vicon-positions", *(("vicon-positions-incorrect",) if incorrect else ()))
    paths = [path for folder in folders for path in sorted((root / folder).glob("m01_*"))]
    if not paths:
        raise ValueError(f"{root} has no vicon-positions/m01_*")
    return [read_vicon(path) for path in paths]


def read_kinect(positions: Path, angles: Path) -> Motion:
    """A Kinect's recording as joints, at 30 Hz: forward kinematics of its two files.

    Joint j is at G_j = G_p + R_p offset_j with R_j = R_p Rz Rx Ry of its angles. The pelvis is the
    middle of the hips; the Kinect's own root is some 35 mm behind it. Its hips are 30 to 60 mm
    nearer to one another than the centres regressed from markers, and its bones' lengths vary. The
    person faces the sensor, whose axes (x to the person's left, y up, z forward) become Y, Z and X.

    Args:
        positions: Comma-separated: x, y, z of 22 offsets in centimetres, a line a frame; the first
            is where the root is.
        angles: Likewise, of 22 rotations about x, y, z in degrees.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A line is not of 66 finite numbers; the files differ in length; a name is none
            of UI-PRMD's; the body is not of a person's size.
    """
    subject, action = subject_and_action(positions)
    nodes = len(_KINECT_NODES)
    offsets = read_number_table(positions, 3 * nodes).reshape(-1, nodes, 3)
    degrees = read_number_table(angles, 3 * nodes).reshape(-1, nodes, 3)
    if len(offsets) != len(degrees):
        raise ValueError(
            f"{angles}: expected {len(offsets)} lines as in {positions}, got {len(degrees)}"
        )
    local = euler_rotations("zxy", degrees[..., [2, 0, 1]])
    found = z_up(joint_positions(_KINECT_PARENTS, offsets, local)) * 10
    nodes_of = {node: found[:, number] for number, node in enumerate(_KINECT_NODES)}
    nodes_of["pelvis"] = (nodes_of["left_hip"] + nodes_of["right_hip"]) / 2
    joints = np.stack([nodes_of[joint] for joint in KINECT_SKELETON.joints], axis=1)
    motion = Motion(joints, KINECT_SKELETON, KINECT_RATE, subject, action, stem(positions))
    return checked_size(motion, positions, "centimetres")


def subject_and_action(path: Path) -> tuple[str, str]:
    """E.g. "s02" and "deep squat", or "deep squat, incorrect" of an _inc file.

    Raises:
        ValueError: The file's name is none of UI-PRMD's.
    """
    match = re.fullmatch(r"(m\d\d)_(s\d\d)_e\d\d_(?:positions|angles)(_inc)?", stem(path))
    if match is None or match[1] not in ACTIONS:
        raise ValueError(
            f"{path}: expected a name as m01_s02_e03_positions.txt or ..._positions_inc.txt, "
            f"of m01 to m10"
        )
    return match[2], ACTIONS[match[1]] + (", incorrect" if match[3] else "")


def angles_file(positions: Path) -> Path:
    """Where the angles of a Kinect's positions lie: "positions" is "angles" in name and folder."""
    folder = re.sub(
        "positions",
        lambda word: "Angles" if word[0][0] == "P" else "angles",
        positions.parent.name,
        flags=re.IGNORECASE,
    )
    return positions.parent.with_name(folder) / positions.name.replace("_positions", "_angles")


def _vicon_joints(markers: Floats) -> Floats:
    def middle(*names: str) -> Floats:
        found: Floats = markers[:, [MARKERS.index(name) for name in names]].mean(axis=1)
        return found

    left_hip, right_hip = hip_centres(*map(middle, ("LASI", "RASI", "LPSI", "RPSI")))
    joints = {
        "pelvis": (left_hip + right_hip) / 2,
        "left_hip": left_hip,
        "right_hip": right_hip,
        "spine": middle("T10", "STRN"),
        "thorax": middle("C7", "CLAV"),
        "head": middle("LFHD", "RFHD", "LBHD", "RBHD"),
    }
    for side in ("left", "right"):
        of = side[0].upper()
        for joint, marker in (("knee", "KNE"), ("ankle", "ANK"), ("heel", "HEE"), ("toe", "TOE"),
                              ("shoulder", "SHO"), ("elbow", "ELB")):  # fmt: skip
            joints[f"{side}_{joint}"] = middle(of + marker)
        joints[f"{side}_wrist"] = middle(of + "WRA", of + "WRB")
    return np.stack([joints[joint] for joint in VICON_SKELETON.joints], axis=1)
