"""Knee angles the whole way, image -> heatmaps -> joints -> 3D -> angle, and where they go wrong.

Each stage takes what the one before it would have given, exact, and adds its own error:

- the picture's angle: exact joints in the picture, and the angle that they have there;
- lifting: exact joints in the picture, and the lifter;
- the heatmap: exact joints drawn as targets and decoded, and the lifter;
- the noise: exact joints with the detector's errors, each given to another person, and the lifter;
- the detector: the joints that the network finds, and the lifter: the whole way.

The noise is as large as the detector's and knows nothing of the picture. Where the whole way is
better, the detector errs where it costs little; where it is worse, it errs where it costs much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import lowerpose_ops as lp
from python_models.analysis.geometry import angle_between
from python_models.arrays import Array
from python_models.decoding import Decoding
from python_models.evaluation.people import Found, People
from python_models.heatmap_task import HeatmapTask
from python_models.motion.skeletons import LOWER_BODY_6, legs

# Keypoints [N, 6, 2], the pictures' (W, H) [N, 2] and the cameras' focal lengths [N], all in pixels
# -> joints [N, 6, 3] in millimetres.
Lift = Callable[[Array, Array, Array], Array]


@dataclass(frozen=True)
class AngleErrors:
    """Of one stage: estimated less true knee flexion [L] of the legs, in degrees."""

    stage: str
    decoding: str  # "-" where nothing is decoded
    lifter: str  # "-" where nothing is lifted
    errors: Array  # NaN where no angle was given

    @property
    def mean(self) -> float:
        """Of the sizes."""
        return float(np.nanmean(np.abs(self.errors)))

    @property
    def bias(self) -> float:
        """Of the errors: positive where too deep."""
        return float(np.nanmean(self.errors))

    def quantile(self, part: float) -> float:
        """Of the sizes: `part` of the legs are no further off."""
        return float(np.nanquantile(np.abs(self.errors), part))

    @property
    def refused(self) -> int:
        """How many legs got no angle."""
        return int(np.isnan(self.errors).sum())


def knee_flexion(joints: Array) -> Array:
    """Degrees [N, 2], left and right, of joints [N, 6, D]; 0 is a straight leg."""
    both = joints[:, legs(LOWER_BODY_6)].astype(np.float64)  # [N, 2, 3, D]
    hip, knee, ankle = both[:, :, 0], both[:, :, 1], both[:, :, 2]
    return 180 - angle_between(hip - knee, ankle - knee)


def angle_errors(
    people: People,
    flexion: Array,
    focal: Array,
    found: Mapping[Decoding, Found],
    task: HeatmapTask,
    lifters: Mapping[str, Lift],
    *,
    seed: int = 0,
) -> list[AngleErrors]:
    """The errors of all stages, of both legs of the persons whose six joints are in the picture.

    Args:
        people: N persons, with the sizes of their pictures.
        flexion: True flexion [N, 2] in degrees, left and right.
        focal: The cameras' focal lengths [N] in pixels.
        found: What the network finds, by decoding.
        task: What the network was trained on.
        lifters: By name.
        seed: Of who gets whose errors.

    Raises:
        ValueError: A picture's size is not known, or nobody is whole.
    """
    if not (people.image_sizes > 0).all():
        raise ValueError("angle_errors: the annotations must tell the width and height of images")
    whole = np.asarray((people.visible > 0).all(1))
    if not whole.any():
        raise ValueError("angle_errors: no person has all six joints in the picture")
    exact = people.image_joints
    stages: list[AngleErrors] = []

    def add(stage: str, keypoints: Array, decoding: str = "-", *, flat: bool = False) -> None:
        lifts = {"-": lambda points, *_: points} if flat else lifters
        for name, lift in lifts.items():
            lifted = lift(keypoints[whole], people.image_sizes[whole], focal[whole])
            angles = knee_flexion(lifted)
            stages.append(AngleErrors(stage, decoding, name, (angles - flexion[whole]).ravel()))

    add("the picture's angle, exact joints", exact, flat=True)
    add("lifting exact joints", exact)
    for decoding in found:
        if not decoding.flip:
            add("drawn and decoded joints", redrawn(people, task, decoding), decoding.name)
    for decoding, joints in found.items():
        errors = joints.image_joints(people) - exact
        add("exact joints and noise", exact + exchanged(errors, people, whole, seed), decoding.name)
    for decoding, joints in found.items():
        add("the picture's angle, found joints", joints.image_joints(people), decoding.name,
            flat=True)  # fmt: skip
        add("the whole way", joints.image_joints(people), decoding.name)
    return stages


def redrawn(people: People, task: HeatmapTask, decoding: Decoding) -> Array:
    """The exact joints [N, 6, 2] as perfect heatmaps, decoded; NaN where none is drawn."""
    targets, weights = lp.gaussian_targets(
        people.input_joints / task.stride,
        people.visible,
        heatmap_size=task.heatmap_size,
        sigma=task.sigma,
        preset=task.target_preset,
    )
    coords, maxima = lp.decode_heatmaps(
        targets, decoding.refine, blur_kernel=task.blur_kernel(decoding.refine)
    )
    joints = Found(coords, maxima).image_joints(people)
    return np.where(np.reshape(weights, (*maxima.shape, 1)) > 0, joints, np.nan)


def exchanged(errors: Array, people: People, whole: Array, seed: int) -> Array:
    """Errors [N, 6, 2] of other persons among the whole ones, made as large as for the own box."""
    scale = np.sqrt(people.boxes[:, 2] * people.boxes[:, 3])[:, None]
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(whole)
    result = np.zeros(errors.shape)
    for joint in range(errors.shape[1]):
        result[rows, joint] = (errors[:, joint] / scale)[rng.permutation(rows)] * scale[rows]
    return result


def table(stages: Sequence[AngleErrors]) -> str:
    """A Markdown row a stage: mean, median and ninetieth percentile of |error|, bias, refused."""
    lines = [
        "| stage | decoding | lifter | mean | median | 90 % | bias | no angle |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row.stage} | {row.decoding} | {row.lifter} | {row.mean:.2f} | {row.quantile(0.5):.2f} "
        f"| {row.quantile(0.9):.2f} | {row.bias:+.2f} | {row.refused} |"
        for row in stages
    ]
    return "\n".join(lines)
