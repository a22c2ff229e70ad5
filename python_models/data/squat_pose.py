"""Who squats and how: random bodies, and random moments of random squats.

World frame: millimetres, Z up, the floor at Z = 0. The figure stands over the origin and faces +Y;
its right side is +X, its left side -X.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

ARM_POSES = (
    "forward", "crossed", "hips", "overhead", "clasped", "hanging", "head", "barbell",
)  # fmt: skip

MIN_FLEXION = 5.0  # degrees; nobody locks the knee in a squat


@dataclass(frozen=True)
class Body:
    """The lengths of one person in millimetres; widths are between joint centres."""

    height: float
    thigh: float
    shank: float
    ankle_height: float
    foot: float
    hip_width: float
    trunk: float
    shoulder_width: float
    upper_arm: float
    forearm: float
    neck: float  # from the middle of the shoulders to the centre of the head
    head: float  # radius
    girth: float  # factor on the thickness of all limbs


@dataclass(frozen=True)
class Pose:
    """One moment of a squat; angles in degrees, lengths in millimetres, (left, right) in pairs."""

    phase: float  # 0 standing, 1 at the deepest point of this repetition
    knee_flexion: float  # the mean of both knees; 0 is a straight leg
    ankle_lead: float  # how far the shank tips forward per degree of knee flexion
    stance: float  # distance of the ankles
    stagger: float  # how far the right foot is before the left
    toe_out: tuple[float, float]
    knee_out: tuple[float, float]  # of the knees against the toes
    sway: float  # of the hips, to the right
    balance: float  # of the centre of mass, before the middle of the feet
    twist: float  # of the trunk, to the left
    side_bend: float  # of the trunk, to the right
    gaze: tuple[float, float, float]  # of the head: turn to the left, nod, tilt
    arms: tuple[str, str]
    arm_raise: float
    arm_spread: float


def sample_body(rng: np.random.Generator) -> Body:
    """A random adult: Drillis and Contini's proportions, each varied."""
    height = rng.uniform(1500, 1960)
    legs, shares = rng.uniform(0.94, 1.06), rng.uniform(0.96, 1.04)
    thigh, shank = 0.245 * height * legs * shares, 0.246 * height * legs / shares
    ankle_height = 0.045 * height
    head = 0.066 * height * rng.uniform(0.95, 1.05)
    neck = 0.118 * height
    upper_arm, forearm = rng.uniform(0.94, 1.06, 2) * height * (0.18, 0.15)
    return Body(
        height=height,
        thigh=thigh,
        shank=shank,
        ankle_height=ankle_height,
        foot=0.152 * height * rng.uniform(0.94, 1.06),
        hip_width=0.112 * height * rng.uniform(0.9, 1.12),
        trunk=height - thigh - shank - ankle_height - neck - 1.15 * head,
        shoulder_width=0.212 * height * rng.uniform(0.9, 1.12),
        upper_arm=float(upper_arm),
        forearm=float(forearm),
        neck=neck,
        head=head,
        girth=rng.uniform(0.86, 1.2),
    )


def sample_pose(body: Body, rng: np.random.Generator, arms: str | None = None) -> Pose:
    """A random moment of a random squat; `arms` fixes the arm pose."""
    phase = 0.5 - 0.5 * math.cos(rng.uniform(0, 2 * math.pi))  # slow where the way turns
    deepest = rng.uniform(80, 132)
    stance = rng.uniform(0.9 * body.hip_width, 1.75 * body.shoulder_width)
    turned_out = rng.uniform(0, 15) + 20 * stance / (1.75 * body.shoulder_width)
    stagger = rng.normal(0, 30) if rng.random() < 0.7 else rng.uniform(-180, 180)
    choice = arms or str(rng.choice(ARM_POSES))
    other = choice
    if choice != "barbell" and rng.random() < 0.2:  # each arm on its own
        other = str(rng.choice(ARM_POSES[:-1]))
    toe_out, knee_out = turned_out + rng.normal(0, 4, 2), rng.normal(0, 5, 2)
    sway, balance = rng.normal(0, 20) * (0.3 + phase), rng.uniform(-20, 25)
    twist, side_bend = rng.normal(0, 7), rng.normal(0, 3)
    return Pose(
        phase=phase,
        knee_flexion=MIN_FLEXION + phase * (deepest - MIN_FLEXION),
        ankle_lead=rng.uniform(0.27, 0.43),
        stance=stance,
        stagger=float(stagger),
        toe_out=(float(toe_out[0]), float(toe_out[1])),
        knee_out=(float(knee_out[0]), float(knee_out[1])),
        sway=float(sway),
        balance=float(balance),
        twist=float(twist),
        side_bend=float(side_bend),
        gaze=(float(rng.normal(0, 22)), float(rng.normal(5, 10)), float(rng.normal(0, 5))),
        arms=(choice, other),
        arm_raise=rng.uniform(-15, 25),
        arm_spread=rng.uniform(-8, 30),
    )
