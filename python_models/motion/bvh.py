"""BVH: a skeleton's hierarchy and its channels, frame by frame.

Any order of channels is read, and any joint may have any of them. A joint's rotation is the product
of its rotation channels in their order: "Zrotation Yrotation Xrotation" is R = Rz Ry Rx. Position
channels of a root are added to its OFFSET; those of another joint stand in its OFFSET's place, as
programs write them that give every joint six channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from python_models.motion.kinematics import euler_rotations, joint_positions
from python_models.motion.motion import Floats
from python_models.motion.text_files import finite_numbers, read_lines

_CHANNEL = re.compile("([XYZ])(position|rotation)", re.IGNORECASE)


@dataclass(frozen=True)
class Bvh:
    """A file's joints, placed in its world.

    Attributes:
        joints: Names; the end of a joint without children is called as it, with "_end" added.
        parents: Number of each one's parent, which comes before it; -1 for a root.
        offsets: [J, 3], each joint's OFFSET.
        positions: [T, J, 3] in the file's unit and axes.
        frame_rate: Poses per second: 1 / frame time, rounded to a hundredth.
    """

    joints: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Floats
    positions: Floats
    frame_rate: float

    def of(self, joint: str) -> Floats:
        """The trajectory [T, 3] of a joint.

        Raises:
            ValueError: There is no such joint.
        """
        if joint not in self.joints:
            raise ValueError(f"the file has no {joint}; its joints are {self.joints}")
        return self.positions[:, self.joints.index(joint)]


@dataclass
class _Joint:
    name: str
    parent: int
    offset: list[float] = field(default_factory=list)
    channels: list[tuple[str, str]] = field(default_factory=list)  # e.g. ("x", "rotation")


def read_bvh(path: Path, offsets: Mapping[str, Floats] | None = None) -> Bvh:
    """Reads a file, plain or gzipped, and puts every joint in its place.

    Args:
        path: The file.
        offsets: Vectors of three numbers, in the file's unit, that stand in the place of the OFFSET
            of the joints they name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole BVH file, or has no joint that `offsets` names.
    """
    lines = iter(enumerate(read_lines(path), 1))
    joints = _hierarchy(path, lines)
    for name, offset in (offsets or {}).items():
        named = [joint for joint in joints if joint.name == name]
        if not named or np.shape(offset) != (3,):
            raise ValueError(f"{path}: offsets must be three numbers for a joint, got {name!r}")
        named[0].offset = list(offset)
    frame_rate, values = _motion(path, lines, sum(len(joint.channels) for joint in joints))
    parents = tuple(joint.parent for joint in joints)
    steps = np.tile([joint.offset for joint in joints], (len(values), 1, 1))
    local = np.tile(np.eye(3), (len(values), len(joints), 1, 1))
    column = 0
    for number, joint in enumerate(joints):
        own = values[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        turns = [place for place, (_, kind) in enumerate(joint.channels) if kind == "rotation"]
        local[:, number] = euler_rotations(
            "".join(joint.channels[place][0] for place in turns), own[:, turns]
        )
        for place, (axis, kind) in enumerate(joint.channels):
            if kind == "position":
                start = joint.offset["xyz".index(axis)] if joint.parent < 0 else 0.0
                steps[:, number, "xyz".index(axis)] = start + own[:, place]
    names = tuple(joint.name for joint in joints)
    rest = np.array([joint.offset for joint in joints])
    return Bvh(names, parents, rest, joint_positions(parents, steps, local), frame_rate)


def _hierarchy(path: Path, lines: Iterator[tuple[int, str]]) -> list[_Joint]:
    """The joints in the order of their channels; takes the lines up to MOTION."""
    joints: list[_Joint] = []
    opened: list[int] = []  # joints whose { has no } yet
    seen: set[tuple[str, int]] = set()  # the lines that a joint has once
    waiting: str | None = None  # a joint whose { is to come
    number = 0
    for number, line in lines:
        where = f"{path}, line {number}"
        words = line.split()
        keyword = words[0].upper() if words else ""
        if waiting is not None and keyword not in ("{", ""):
            raise ValueError(f"{where}: expected {{ after {waiting}, got {line.strip()[:40]!r}")
        match keyword:
            case "" | "HIERARCHY":
                continue
            case "MOTION":
                _check_hierarchy(where, joints, opened)
                return joints
            case "ROOT" | "JOINT" | "END":
                if (keyword == "ROOT") == bool(opened):
                    raise ValueError(f"{where}: a {keyword} cannot stand here")
                name = " ".join(words[1:])
                waiting = f"{joints[opened[-1]].name}_end" if keyword == "END" else name
                if not name or waiting in [joint.name for joint in joints]:
                    raise ValueError(f"{where}: expected a joint's name of its own, got {name!r}")
            case "{":
                if waiting is None:
                    raise ValueError(f"{where}: a {{ without a joint before it")
                joints.append(_Joint(waiting, opened[-1] if opened else -1))
                opened.append(len(joints) - 1)
                waiting = None
            case "}" | "OFFSET" | "CHANNELS" if not opened:
                raise ValueError(f"{where}: a {keyword} outside of a joint")
            case "}":
                opened.pop()
            case "OFFSET" | "CHANNELS" if (keyword, opened[-1]) in seen:
                raise ValueError(f"{where}: a second {keyword} of {joints[opened[-1]].name}")
            case "OFFSET":
                seen.add((keyword, opened[-1]))
                joints[opened[-1]].offset = finite_numbers(words[1:], where)
                if len(words) != 4:
                    raise ValueError(f"{where}: expected 3 numbers, got {len(words) - 1}")
            case "CHANNELS":
                seen.add((keyword, opened[-1]))
                joints[opened[-1]].channels = _channels(words[1:], where)
            case _:
                raise ValueError(f"{where}: unknown keyword {words[0][:40]!r}")
    raise ValueError(f"{path}, line {number}: the file ends before its MOTION")


def _check_hierarchy(where: str, joints: list[_Joint], opened: list[int]) -> None:
    if opened or not joints:
        raise ValueError(f"{where}: MOTION comes before the hierarchy's end")
    for joint in joints:
        if not joint.offset:
            raise ValueError(f"{where}: joint {joint.name} has no OFFSET")


def _channels(words: list[str], where: str) -> list[tuple[str, str]]:
    matches = [_CHANNEL.fullmatch(word) for word in words[1:]]
    found = [(match[1].lower(), match[2].lower()) for match in matches if match]
    if not words or words[0] != str(len(found)) or len(found) != len(matches):
        raise ValueError(
            f"{where}: expected the number of channels and their names, as 1 Xrotation, "
            f"got {' '.join(words)[:80]!r}"
        )
    for twice in [channel for channel in found if found.count(channel) > 1]:
        raise ValueError(f"{where}: a {twice[1]} channel stands there twice: {''.join(twice)}")
    return found


def _motion(path: Path, lines: Iterator[tuple[int, str]], channels: int) -> tuple[float, Floats]:
    """The frame rate and the values [T, channels]."""
    filled = ((number, line.strip()) for number, line in lines if line.strip())
    frames = _header(path, filled, "Frames:")
    frame_time = _header(path, filled, "Frame Time:")
    if not 1e-5 < frame_time < 1e5:
        raise ValueError(f"{path}: Frame Time must be positive seconds, got {frame_time}")
    rows = []
    for number, line in filled:
        row = finite_numbers(line.split(), f"{path}, line {number}")
        if len(row) != channels:
            raise ValueError(
                f"{path}, line {number}: expected {channels} numbers, one a channel, got {len(row)}"
            )
        rows.append(row)
    if len(rows) != frames or not rows:
        raise ValueError(f"{path}: expected {frames:g} frames, at least 1, got {len(rows)}")
    return round(1 / frame_time, 2), np.array(rows)


def _header(path: Path, lines: Iterator[tuple[int, str]], name: str) -> float:
    number, line = next(lines, (None, ""))
    if number is None or not line.lower().startswith(name.lower()):
        raise ValueError(f"{path}, line {number}: expected {name} and a number, got {line[:40]!r}")
    words = line[len(name) :].split()
    if len(words) != 1:
        raise ValueError(f"{path}, line {number}: expected one number after {name}")
    return finite_numbers(words, f"{path}, line {number}")[0]
