"""The kinematics of a squat: where the joints of a body in a pose are.

Lengths in millimetres, in the world frame of `squat_pose`; joints in COCO's order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from python_models.data.squat_camera import Floats, rotation
from python_models.data.squat_pose import ARM_POSES, MIN_FLEXION, Body, Pose

_SIDES = (-1.0, 1.0)  # left, right: the sign of x
_BAR_MASS = 0.4  # of a loaded bar, as part of the body's mass


@dataclass(frozen=True)
class Figure:
    """A body in a pose, in the world frame: points in millimetres, frames as columns X, Y, Z.

    joints: [17, 3] in COCO's order. heels, toes, hands: [2, 3], left and right.
    """

    body: Body
    pose: Pose
    joints: Floats
    heels: Floats
    toes: Floats
    hands: Floats
    pelvis: Floats
    trunk_frame: Floats
    head: Floats
    head_frame: Floats
    center_of_mass: Floats


def pose_figure(body: Body, pose: Pose) -> Figure:
    """The figure with both feet flat and its centre of mass over them.

    The trunk leans until the centre of mass is where the pose wants it; where that would bend the
    trunk too far, the hips move instead.
    """
    flexion = math.radians(pose.knee_flexion)
    ankle = min(math.radians(5) + flexion * pose.ankle_lead, math.radians(38))
    splay = math.cos(math.radians(sum(pose.toe_out) / 2))
    hips_y = body.shank * math.sin(ankle) - body.thigh * math.sin(flexion - ankle)
    hips_y, lean = hips_y * splay, 0.3 * pose.knee_flexion
    lever = 0.6 * body.trunk * 0.7  # upper body's centre of mass, times its share of the mass
    for _ in range(8):
        figure = _build(body, pose, hips_y, lean)
        middle = (0.57 * figure.heels + 0.43 * figure.toes)[:, 1].mean()
        excess = figure.center_of_mass[1] - middle - pose.balance
        wanted = lean - math.degrees(excess / lever)
        lean = min(max(wanted, -6.0), 62.0)
        hips_y -= math.radians(wanted - lean) * -lever
    return figure


def knee_angles(joints: Floats) -> tuple[float, float]:
    """Interior hip-knee-ankle angles (left, right) of joints [17, 3]: degrees, 180 is straight."""
    left, right = (
        _angle(joints[11 + side] - joints[13 + side], joints[15 + side] - joints[13 + side])
        for side in (0, 1)
    )
    return left, right


def _angle(first: Floats, second: Floats) -> float:
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    return math.degrees(math.acos(min(max(float(cosine), -1.0), 1.0)))


def two_links(start: Floats, target: Floats, first: float, second: float, pole: Floats) -> Floats:
    """Middle and end [2, 3] of a two-bone chain that reaches for a target, bent towards pole."""
    away = target - start
    distance = float(np.linalg.norm(away))
    along = away / distance
    distance = min(max(distance, abs(first - second) + 1.0), 0.9995 * (first + second))
    side = pole - (pole @ along) * along
    side /= np.linalg.norm(side)
    foot = (first**2 - second**2 + distance**2) / (2 * distance)
    middle = start + foot * along + math.sqrt(max(first**2 - foot**2, 0.0)) * side
    return np.stack([middle, start + distance * along])


def _build(body: Body, pose: Pose, hips_y: float, lean: float) -> Figure:
    """The figure with given hip travel (mm, forward) and trunk lean (degrees, forward)."""
    ankles, heels, toes = _feet(body, pose)
    hips = np.array([[side * body.hip_width / 2, 0.0, 0.0] for side in _SIDES])
    hips += [pose.sway, ankles[:, 1].mean() + hips_y, 0.0]
    hips[:, 2] = _hip_height(body, ankles, hips, pose.knee_flexion)
    knees = np.empty((2, 3))
    for side in (0, 1):
        outward = _SIDES[side] * (pose.toe_out[side] + pose.knee_out[side])
        pole = rotation(2, -outward) @ [0.0, 1.0, 0.0]
        knees[side] = two_links(hips[side], ankles[side], body.thigh, body.shank, pole)[0]

    trunk = rotation(0, -lean) @ rotation(1, pose.side_bend) @ rotation(2, pose.twist)
    pelvis = hips.mean(axis=0)
    chest = pelvis + body.trunk * trunk[:, 2]
    half = 0.5 * body.shoulder_width * trunk[:, 0]
    shoulders = np.stack([chest - half, chest + half])
    turn, nod, tilt = pose.gaze
    head_frame = rotation(2, pose.twist + turn) @ rotation(0, -nod - 0.25 * lean)
    head_frame = head_frame @ rotation(1, tilt)
    upward = trunk[:, 2] + 0.7 * head_frame[:, 2]
    head = chest + body.neck * upward / np.linalg.norm(upward)

    elbows, wrists, hands = np.empty((2, 3)), np.empty((2, 3)), np.empty((2, 3))
    for side in (0, 1):
        target, pole = _reach(body, pose, side, shoulders[side], pelvis, trunk, head, head_frame)
        elbows[side], wrists[side] = two_links(
            shoulders[side], target, body.upper_arm, body.forearm, pole
        )
        straight = (wrists[side] - elbows[side]) / body.forearm
        hands[side] = wrists[side] + 0.05 * body.height * straight
    # Of a head of radius 1: x to the right, y forward, z up.
    face = [(0, 1.1, -0.12), (-0.36, 0.9, 0.15), (0.36, 0.9, 0.15), (-0.9, 0, 0), (0.9, 0, 0)]
    face_points = head + body.head * np.array(face) @ head_frame.T
    pairs = (shoulders, elbows, wrists, hips, knees, ankles)
    joints = np.concatenate([face_points, *pairs])
    mass = _center_of_mass(pose, joints, head, chest, trunk, (heels + toes) / 2)
    return Figure(
        body, pose, joints, heels, toes, hands, pelvis, trunk, head, head_frame, mass
    )  # fmt: skip


def _feet(body: Body, pose: Pose) -> tuple[Floats, Floats, Floats]:
    """Ankles, heels and toes, each [2, 3]."""
    ankles, heels, toes = np.empty((2, 3)), np.empty((2, 3)), np.empty((2, 3))
    for side, sign in enumerate(_SIDES):
        direction = rotation(2, -sign * pose.toe_out[side]) @ [0.0, 1.0, 0.0]
        ankle = np.array([sign * pose.stance / 2, sign * pose.stagger / 2, body.ankle_height])
        ankles[side] = ankle
        heels[side] = ankle * [1, 1, 0] - 0.24 * body.foot * direction
        toes[side] = ankle * [1, 1, 0] + 0.76 * body.foot * direction
    return ankles, heels, toes


def _hip_height(body: Body, ankles: Floats, hips: Floats, flexion: float) -> float:
    """The height at which the knees' mean flexion is as given; no leg longer than it can be."""
    thigh, shank = body.thigh, body.shank
    apart = ((hips - ankles)[:, :2] ** 2).sum(axis=1)
    straight = math.radians(MIN_FLEXION)
    reach = thigh**2 + shank**2 + 2 * thigh * shank * math.cos(straight)
    high = math.sqrt(max(reach - apart.max(), (0.1 * thigh) ** 2))
    low = 0.1 * thigh
    for _ in range(24):
        middle = (low + high) / 2
        cosines = (apart + middle**2 - thigh**2 - shank**2) / (2 * thigh * shank)
        mean = np.degrees(np.arccos(np.clip(cosines, -1, 1))).mean()
        low, high = (middle, high) if mean > flexion else (low, middle)
    return body.ankle_height + (low + high) / 2


def _reach(
    body: Body,
    pose: Pose,
    side: int,
    shoulder: Floats,
    pelvis: Floats,
    trunk: Floats,
    head: Floats,
    head_frame: Floats,
) -> tuple[Floats, Floats]:
    """Where a wrist goes and which way its elbow points."""
    sign, arms, length = _SIDES[side], pose.arms[side], body.upper_arm + body.forearm
    chest = pelvis + body.trunk * trunk[:, 2]
    width = body.shoulder_width
    down = -trunk[:, 2]
    spread = rotation(2, -sign * pose.arm_spread) @ rotation(0, pose.arm_raise)
    if arms == "forward":
        return shoulder + 0.96 * length * spread[:, 1], down
    if arms == "overhead":
        raised = trunk @ rotation(1, sign * pose.arm_spread) @ rotation(0, pose.arm_raise - 5)
        return shoulder + 0.98 * length * raised[:, 2], trunk[:, 0] * sign
    if arms == "hanging":
        hang = rotation(1, -sign * (12 + 0.6 * pose.arm_spread)) @ rotation(0, pose.arm_raise + 10)
        return shoulder - 0.97 * length * hang[:, 2], -trunk[:, 1] + 0.3 * sign * trunk[:, 0]
    outward = trunk[:, 0] * sign
    if arms == "hips":
        at = [sign * (0.5 * body.hip_width + 0.05 * body.height), 30, 0.07 * body.height]
        return pelvis + trunk @ at, outward - 0.6 * trunk[:, 1]
    if arms == "crossed":
        at = [-sign * 0.3 * width, 0.08 * body.height + 15 * sign, -0.05 * body.height]
        return chest + trunk @ at, down + 0.4 * trunk[:, 1]
    if arms == "clasped":
        at = [sign * 35, 0.17 * body.height, -0.06 * body.height]
        return chest + trunk @ at, down + 0.5 * outward
    if arms == "head":
        at = [sign * 0.9 * body.head, -0.7 * body.head, 0.0]
        return head + head_frame @ at, outward
    if arms == "barbell":
        at = [sign * (0.5 * width + 0.08 * body.height), *bar_offset(body)]
        return chest + trunk @ at, down - 0.4 * trunk[:, 1]
    raise ValueError(f"arms must be among {ARM_POSES}, got {arms!r}")


def bar_offset(body: Body) -> tuple[float, float]:
    """Where a barbell lies: y and z from the middle of the shoulders, in the trunk's frame."""
    return -0.05 * body.height, 0.005 * body.height


def _center_of_mass(
    pose: Pose, joints: Floats, head: Floats, chest: Floats, trunk: Floats, feet: Floats
) -> Floats:
    """Winter's segment masses; a loaded bar counts."""
    shoulders, elbows, wrists = joints[5:7], joints[7:9], joints[9:11]
    hips, knees, ankles = joints[11:13], joints[13:15], joints[15:17]
    limbs = (
        (0.028, 0.564 * shoulders + 0.436 * elbows),
        (0.022, 0.45 * elbows + 0.55 * wrists),
        (0.1, 0.567 * hips + 0.433 * knees),
        (0.0465, 0.567 * knees + 0.433 * ankles),
        (0.0145, feet),
    )
    total = sum(share * points.sum(axis=0) for share, points in limbs)
    total = total + 0.081 * head + 0.497 * (0.5 * chest + 0.5 * hips.mean(axis=0))
    mass = 1.0
    if pose.arms[0] == "barbell":
        total = total + _BAR_MASS * (chest - 0.05 * trunk[:, 1] * np.linalg.norm(head - chest))
        mass += _BAR_MASS
    return np.asarray(total / mass, np.float64)
