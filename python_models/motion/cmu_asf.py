"""Acclaim's ASF (a skeleton) and AMC (its motion), as CMU's motion capture library has them.

In the rest pose bone b leads from its parent's end along direction_b length_b. In a frame, with
C_b the rotation of its `axis` and M_b that of its degrees of freedom (both Rz Ry Rx for the order
XYZ), its own rotation is L_b = C_b M_b C_b^T, in the world G_b = G_parent L_b, and its end is at
its parent's end + G_b direction_b length_b.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from python_models.motion.kinematics import (
    chain_positions,
    chain_rotations,
    euler_rotations,
    turned,
)
from python_models.motion.motion import Floats
from python_models.motion.text_files import finite_numbers, read_lines, read_object

ROOT = "root"
_TURNS = ("rx", "ry", "rz")


@dataclass
class Bone:
    """One bone as the file has it; the root is one without length."""

    name: str
    offset: Floats = field(default_factory=lambda: np.zeros(3))  # direction times length, [3]
    axis: tuple[float, float, float] = (0.0, 0.0, 0.0)  # degrees about x, y, z
    order: str = "xyz"  # the first to turn stands first
    freedoms: tuple[str, ...] = ()  # of an AMC line, e.g. ("rx", "rz")
    parent: str | None = None


@dataclass(frozen=True)
class Asf:
    """A skeleton in its file's axes.

    Attributes:
        bones: The root first, every other after its parent.
        millimetres: How many one unit of its lengths is: 25.4 / the file's `length`.
    """

    bones: tuple[Bone, ...]
    millimetres: float


def read_asf(path: Path, offsets: Mapping[str, Sequence[float]] | None = None) -> Asf:
    """Reads a skeleton.

    Args:
        path: The file.
        offsets: Vectors of three numbers, in the file's unit, that stand in the place of direction
            times length of the bones they name: another person's.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole ASF file, its angles are not in degrees, or `offsets` names a
            bone that it has not.
    """
    sections = _sections(path)
    units = {words[0]: words[1] for _, words in sections.get("units", []) if len(words) == 2}
    if units.get("angle") != "deg" or "length" not in units:
        raise ValueError(f"{path}: expected the units length and angle deg, got {units}")
    (length,) = finite_numbers([units["length"]], f"{path}, length")
    if not length > 0:
        raise ValueError(f"{path}: the unit of length must be positive, got {length}")
    bones = {bone.name: bone for bone in (_root(path, sections), *_bones(path, sections))}
    for name, offset in (offsets or {}).items():
        if name not in bones or np.shape(offset) != (3,) or not np.isfinite(offset).all():
            raise ValueError(f"{path}: offsets must be three numbers for a bone, got {name!r}")
        bones[name].offset = np.array(offset, float)
    return Asf(tuple(_in_order(path, bones, sections)), 25.4 / length)


def read_offsets(path: Path) -> dict[str, list[float]]:
    """The vectors of a JSON object of bones; its strings are remarks.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such object.
    """
    found = {}
    for name, value in read_object(path).items():
        if isinstance(value, str):
            continue
        if not isinstance(value, list) or len(value) != 3:
            raise ValueError(f"{path}: expected three numbers for {name!r}")
        found[name] = finite_numbers(map(str, value), f"{path}, {name}")
    return found


def read_amc(path: Path, asf: Asf) -> Floats:
    """The numbers [T, N] of a motion: the freedoms of the skeleton's bones, one after the other.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A frame has not just the bones that the skeleton can turn, with as many numbers,
            or the frames are not numbered in a row.
    """
    places: dict[str, slice] = {}
    for bone in asf.bones:
        if bone.freedoms:
            start = max((place.stop for place in places.values()), default=0)
            places[bone.name] = slice(start, start + len(bone.freedoms))
    width = max((place.stop for place in places.values()), default=0)
    frames: list[list[float]] = []
    first, number, missing = 0, 0, set[str]()
    for number, line in enumerate(read_lines(path), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"{path}, line {number}"
        if words[0].startswith(":"):
            if words[0].upper() == ":RADIANS":
                raise ValueError(f"{where}: angles must be in degrees")
        elif words[0].isdecimal():
            first = first or int(words[0])
            if missing or int(words[0]) != first + len(frames):
                raise ValueError(
                    f"{where}: expected "
                    + (f"bones {sorted(missing)}" if missing else f"frame {first + len(frames)}")
                    + f", got frame {words[0][:12]}"
                )
            frames.append([0.0] * width)
            missing = set(places)
        elif not frames or words[0] not in missing:
            raise ValueError(f"{where}: a bone that cannot stand here: {words[0][:40]!r}")
        else:
            values = finite_numbers(words[1:], where)
            place = places[words[0]]
            if len(values) != place.stop - place.start:
                raise ValueError(
                    f"{where}: expected {place.stop - place.start} numbers, got {len(values)}"
                )
            frames[-1][place] = values
            missing.remove(words[0])
    if missing or not frames:
        raise ValueError(f"{path}, line {number}: the file ends before bones {sorted(missing)}")
    return np.array(frames)


def bone_ends(asf: Asf, motion: Floats) -> dict[str, Floats]:
    """Where each bone ends in each frame, [T, 3] in the file's unit and axes; "root" is the root.

    Args:
        asf: The skeleton.
        motion: [T, N] of `read_amc`.
    """
    frames, count = len(motion), len(asf.bones)
    names = [bone.name for bone in asf.bones]
    parents = [-1 if bone.parent is None else names.index(bone.parent) for bone in asf.bones]
    local = np.empty((frames, count, 3, 3))
    offsets = np.tile([bone.offset for bone in asf.bones], (frames, 1, 1))
    column = 0
    for number, bone in enumerate(asf.bones):
        degrees, moved = np.zeros((frames, 3)), np.zeros((frames, 3))
        for freedom in bone.freedoms:
            target = degrees if freedom[0] == "r" else moved
            target[:, "xyz".index(freedom[1])] = motion[:, column]
            column += 1
        axis = _rotations(bone.order, np.array(bone.axis))
        local[:, number] = axis @ _rotations(bone.order, degrees) @ axis.T
        offsets[:, number] += moved  # of the root alone
    rotations = chain_rotations(parents, local)
    steps = turned(rotations, offsets)
    steps[:, 0] = offsets[:, 0]  # the root's is a place in the world
    ends = chain_positions(parents, steps)
    return {name: ends[:, number] for number, name in enumerate(names)}


def _rotations(order: str, degrees: Floats) -> Floats:
    """Of degrees [..., 3] about x, y, z, the first in `order` first."""
    last_first = order[::-1]
    return euler_rotations(last_first, degrees[..., ["xyz".index(axis) for axis in last_first]])


_Lines = list[tuple[str, list[str]]]  # where a line stands, for messages, and its words


def _sections(path: Path) -> dict[str, _Lines]:
    """The lines below each :keyword."""
    sections: dict[str, _Lines] = {}
    name = ""
    for number, line in enumerate(read_lines(path), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith(":"):
            name = words[0][1:].lower()
            sections.setdefault(name, [])
        elif name:
            sections[name].append((f"{path}, line {number}", words))
    for needed in ("units", "root", "bonedata", "hierarchy"):
        if not sections.get(needed):
            raise ValueError(f"{path}: no section :{needed} in it, or nothing below it")
    return sections


def _root(path: Path, sections: dict[str, _Lines]) -> Bone:
    bone = Bone(ROOT)
    for where, words in sections["root"]:
        match words[0].lower():
            case "order":
                bone.freedoms = tuple(word.lower() for word in words[1:])
            case "axis":
                bone.order = _order(words[1:], where)
            case "position":
                bone.offset = np.array(_three(words[1:], where))
            case "orientation":
                bone.axis = _three(words[1:], where)
            case _:
                raise ValueError(f"{where}: unknown line of the root: {words[0][:40]!r}")
    if sorted(bone.freedoms) != sorted(("tx", "ty", "tz", *_TURNS)):
        raise ValueError(f"{path}: the root's order must be of TX TY TZ RX RY RZ")
    return bone


def _bones(path: Path, sections: dict[str, _Lines]) -> Iterable[Bone]:
    bone: Bone | None = None
    direction: tuple[float, float, float] | None = None
    length: float | None = None
    names = {ROOT}
    for where, words in sections["bonedata"]:
        keyword = words[0].lower()
        if (keyword == "begin") == (bone is not None) and not words[0].startswith("("):
            raise ValueError(f"{where}: {words[0][:40]!r} cannot stand here")
        if bone is None:
            bone, direction, length = Bone(""), None, None
            continue
        match keyword:
            case "name" if len(words) == 2 and words[1] not in names:
                bone.name = words[1]
                names.add(bone.name)
            case "direction":
                direction = _three(words[1:], where)
            case "length" if len(words) == 2:
                (length,) = finite_numbers(words[1:], where)
            case "axis":
                bone.axis, bone.order = _three(words[1:4], where), _order(words[4:], where)
            case "dof" if set(map(str.lower, words[1:])) <= set(_TURNS):
                bone.freedoms = tuple(map(str.lower, words[1:]))
            case "end":
                if not bone.name or direction is None or length is None:
                    raise ValueError(f"{where}: a bone without name, direction or length")
                bone.offset = np.array(direction) * length
                yield bone
                bone = None
            case "name" | "length" | "dof":
                raise ValueError(f"{where}: cannot be read: {' '.join(words)[:60]!r}")
            case _:
                continue  # id, limits, bodymass and others say nothing of where a bone is
    if bone is not None:
        raise ValueError(f"{path}: bone {bone.name!r} has no end")


def _in_order(path: Path, bones: dict[str, Bone], sections: dict[str, _Lines]) -> list[Bone]:
    """The bones with their parents, each after its own."""
    ordered = [bones[ROOT]]
    for where, words in sections["hierarchy"]:
        if words[0] in ("begin", "end"):
            continue
        if words[0] not in [bone.name for bone in ordered]:
            raise ValueError(f"{where}: {words[0][:40]!r} has no parent above this line")
        for name in words[1:]:
            if name not in bones or name in [bone.name for bone in ordered]:
                raise ValueError(f"{where}: {name[:40]!r} is no bone, or has a parent already")
            bones[name].parent = words[0]
            ordered.append(bones[name])
    if len(ordered) != len(bones):
        left = sorted(set(bones) - {bone.name for bone in ordered})
        raise ValueError(f"{path}: bones that the hierarchy leaves out: {left}")
    return ordered


def _three(words: list[str], where: str) -> tuple[float, float, float]:
    if len(words) != 3:
        raise ValueError(f"{where}: expected three numbers, got {' '.join(words)[:60]!r}")
    x, y, z = finite_numbers(words, where)
    return x, y, z


def _order(words: list[str], where: str) -> str:
    order = "".join(words).lower()
    if sorted(order) != ["x", "y", "z"]:
        raise ValueError(f"{where}: expected an order of axes as XYZ, got {order[:12]!r}")
    return order
