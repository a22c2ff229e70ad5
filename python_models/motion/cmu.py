"""CMU's motion capture library, from ASF and AMC or from its copies in BVH.

Files are called 13_29.amc: subject and trial. At mocap.cs.cmu.edu, free for all uses; created with
funding from NSF EIA-0196217. Joints are the same whichever format they come from; a BVH copy begins
with a frame in the rest pose, which is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from python_models.motion.body_size import checked_size
from python_models.motion.bvh import read_bvh
from python_models.motion.cmu_asf import Asf, bone_ends, read_amc
from python_models.motion.kinematics import z_up
from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import skeleton
from python_models.motion.text_files import finite_numbers, read_text, stem

FRAME_RATE = 120.0
MILLIMETRES = 25.4 / 0.45
"""Of one unit of length, in both formats: cm = unit x 2.54 / 0.45."""
LABEL_SECONDS = 0.1
ACTIONS = {3: "squat"}
"""What the labels that come with some recordings mean; another one n is "label n"."""

SKELETON = skeleton("cmu", (
    "pelvis", "left_hip", "left_knee", "left_ankle", "left_toe", "right_hip", "right_knee",
    "right_ankle", "right_toe", "spine", "thorax", "neck", "head", "left_shoulder", "left_elbow",
    "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
))  # fmt: skip

# The bone of the ASF at whose end a joint is, and the joint of the BVH; both begin with the side.
_SIDES = {
    "hip": ("hipjoint", "UpLeg"),
    "knee": ("femur", "Leg"),
    "ankle": ("tibia", "Foot"),
    "toe": ("foot", "ToeBase"),
    "shoulder": ("clavicle", "Arm"),
    "elbow": ("humerus", "ForeArm"),
    "wrist": ("radius", "Hand"),
}
_MIDDLE = {
    "spine": ("lowerback", "Spine"),
    "neck": ("upperneck", "Head"),
    "head": ("head", "Head_end"),
}


def read_cmu_amc(path: Path, asf: Asf, *, frame_rate: float = FRAME_RATE) -> Motion:
    """A motion of a skeleton (`cmu_asf.read_asf`).

    The pelvis is the middle of the hips (the file's own root lies some 100 mm above it), the thorax
    the middle of the shoulders, the spine the end of the lowest bone of the back, the neck the
    lower end of the head's bone and the head its upper end: the middle of the head, not its top.
    The toe is the ball of the foot.

    Args:
        path: E.g. 13_29.amc or 13_29.amc.gz; the name gives the subject.
        asf: The subject's skeleton.
        frame_rate: The file does not have it. CMU's are at 120 Hz, some at 60.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole AMC file, does not fit the skeleton, or has another name; the
            skeleton has not the bones of CMU's, or is not of a person's size.
    """
    ends = bone_ends(asf, read_amc(path, asf))

    def place(bone: str, _: str) -> Floats:
        if bone not in ends:
            raise ValueError(f"{path}: its skeleton has no {bone}; its bones are {tuple(ends)}")
        return ends[bone]

    return _motion(path, place, asf.millimetres, frame_rate)


def read_cmu_bvh(path: Path, asf: Asf | None = None) -> Motion:
    """The same joints from a copy in BVH, e.g. 01_01.bvh.

    Copies leave out a bone, the ASF's thorax (some 120 mm): all above it stands lower. With the
    subject's skeleton the bone is put back, and both formats give the same joints; without it the
    thorax, the neck, the head and the arms are not known.

    Args:
        path: The file; its name gives the subject.
        asf: The subject's skeleton, for the bone that the file lacks.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole BVH file, has another name or other joints, or the rest pose
            alone; the skeleton has no thorax; the body is not of a person's size.
    """
    bvh = read_bvh(path)
    above = [joint for joint in ("Neck", "LeftShoulder", "RightShoulder") if joint in bvh.joints]
    if not any(bvh.offsets[bvh.joints.index(joint)].any() for joint in above):
        bvh = read_bvh(path, dict.fromkeys(above, _thorax(path, asf)))
    if len(bvh.positions) < 2:
        raise ValueError(f"{path}: expected a frame after that of the rest pose")

    def place(_: str, joint: str) -> Floats:
        try:
            return bvh.of(joint)[1:]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    return _motion(path, place, MILLIMETRES, bvh.frame_rate)


def _thorax(path: Path, asf: Asf | None) -> Floats:
    """The bone as a vector; NaN if the skeleton is not known."""
    bones = {} if asf is None else {bone.name: bone.offset for bone in asf.bones}
    if asf is not None and "thorax" not in bones:
        raise ValueError(f"{path}: its skeleton has no thorax; its bones are {tuple(bones)}")
    return bones.get("thorax", np.full(3, np.nan))


def read_labels(path: Path) -> NDArray[np.int64]:
    """The labels of a recording, one for each tenth of a second.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: They are not whole numbers, or there is none.
    """
    labels = finite_numbers(read_text(path).split(), str(path))
    if not labels or any(label != int(label) for label in labels):
        raise ValueError(f"{path}: expected whole numbers")
    return np.array(labels, np.int64)


def labelled_parts(motion: Motion, labels: NDArray[np.int64]) -> list[Motion]:
    """The recording cut where its label changes; each part is named by where it begins.

    Frame t has label floor(t / (rate x 0.1 s)), frames after the last label have that one.
    """
    numbers = (np.arange(len(motion)) / (motion.frame_rate * LABEL_SECONDS)).astype(int)
    of_frames = labels[np.minimum(numbers, len(labels) - 1)]
    starts = [0, *(np.flatnonzero(np.diff(of_frames)) + 1)]
    return [
        replace(
            motion,
            joints=motion.joints[start:end],
            action=ACTIONS.get(int(of_frames[start]), f"label {of_frames[start]}"),
            name=f"{motion.name}_{start:05d}",
        )
        for start, end in zip(starts, [*starts[1:], len(motion)], strict=True)
    ]


def _motion(
    path: Path, place: Callable[[str, str], Floats], millimetres: float, frame_rate: float
) -> Motion:
    match = re.fullmatch(r"(\d+)_\d+", stem(path))
    if match is None:
        raise ValueError(f"{path}: expected a name of subject and trial, as 13_29")
    joints = {joint: place(*names) for joint, names in _MIDDLE.items()}
    for side in ("left", "right"):
        for joint, (bone, of_bvh) in _SIDES.items():
            joints[f"{side}_{joint}"] = place(side[0] + bone, side.title() + of_bvh)
    joints["pelvis"] = (joints["left_hip"] + joints["right_hip"]) / 2
    joints["thorax"] = (joints["left_shoulder"] + joints["right_shoulder"]) / 2
    stacked = np.stack([joints[joint] for joint in SKELETON.joints], axis=1)
    name = stem(path)
    motion = Motion(z_up(stacked) * millimetres, SKELETON, frame_rate, match[1], name, name)
    return checked_size(motion, path, f"units of {millimetres:.4g} mm")
