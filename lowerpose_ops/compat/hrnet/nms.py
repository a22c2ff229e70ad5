"""Suppression of repeated persons by OKS, as in HRNet's `nms/nms.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import _arguments as arguments
from ...skeletons import COCO_SIGMAS
from ._checks import Array


def oks_iou(
    g: Array,
    d: Array,
    a_g: float,
    a_d: Array,
    sigmas: Array | None = None,
    in_vis_thre: float | None = None,
    *,
    fixed: bool = False,
) -> Array:
    """Object keypoint similarities of a person with others, with the mean of both areas.

    Args:
        g: [3 K], x, y and score of each joint.
        d: [N, 3 K].
        a_g: Area of g.
        a_d: [N], areas.
        sigmas: [K] array; anything else means COCO's, for 17 joints.
        in_vis_thre: Only joints with a larger score in d count; None counts all.
        fixed: Their score in g must be larger too.

    Returns:
        [N] in float64; 0 where no joint counts.

    Raises:
        TypeError: g or d is no NumPy array.
        ValueError: A shape does not fit.

    Example:
        >>> person = np.tile([10.0, 20.0, 1.0], 17)
        >>> oks_iou(person, np.stack([person, person + 3]), 100.0, np.full(2, 100.0)).round(3)
        array([1.   , 0.034])
    """
    name = "oks_iou"
    for argument, array, layout in (("g", g, {1: "[3 K]"}), ("d", d, {2: "[N, 3 K]"})):
        if not isinstance(array, np.ndarray):
            raise arguments.type_error(name, argument, "a NumPy array", array)
        arguments.check_ndim(name, argument, array, layout)
    arguments.check_flag(name, "fixed", fixed)
    spread = sigmas if isinstance(sigmas, np.ndarray) else np.array(COCO_SIGMAS)
    num_joints = len(g) // 3
    areas = np.asarray(a_d, np.float64)
    if len(g) % 3 or d.shape[1] != len(g):
        expected = "[3 K] and [N, 3 K]"
        raise arguments.value_error(name, "g, d", expected, (list(g.shape), list(d.shape)))
    if spread.shape != (num_joints,):
        raise arguments.value_error(name, "sigmas", f"[{num_joints}]", list(spread.shape))
    if areas.shape != (len(d),):
        raise arguments.value_error(name, "a_d", f"[{len(d)}]", list(areas.shape))
    person, others = g.reshape(-1, 3), d.reshape(len(d), num_joints, 3)
    squares = ((others[..., :2] - person[:, :2]) ** 2).sum(-1)
    area = (a_g + areas[:, None]) / 2 + np.spacing(1)
    similarities = np.exp(-squares / (2 * spread) ** 2 / area / 2)
    counts = np.ones(similarities.shape, bool)
    if in_vis_thre is not None:
        counts = others[..., 2] > in_vis_thre
        if fixed:
            counts &= person[:, 2] > in_vis_thre
    total = counts.sum(1)
    sums = np.where(counts, similarities, 0.0).sum(1)
    means: Array = np.divide(sums, total, out=np.zeros(len(d)), where=total > 0)
    return means


def _persons(name: str, kpts_db: Sequence[dict[str, Any]]) -> tuple[Array, Array, Array]:
    """Scores [N], keypoints [N, 3 K] and areas [N]."""
    for person in kpts_db:
        for key in ("score", "keypoints", "area"):
            if key not in person:
                raise ValueError(f"{name}: kpts_db must hold {key!r} in every person")
    scores = np.array([person["score"] for person in kpts_db])
    keypoints = np.array([np.asarray(person["keypoints"]).flatten() for person in kpts_db])
    return scores, keypoints, np.array([person["area"] for person in kpts_db])


def oks_nms(
    kpts_db: Sequence[dict[str, Any]],
    thresh: float,
    sigmas: Array | None = None,
    in_vis_thre: float | None = None,
    *,
    fixed: bool = False,
) -> list[int]:
    """Keeps the persons that are not too similar to one with a larger score.

    Args:
        kpts_db: A dict a person: "score", "keypoints" [K, 3] (x, y and score) and "area".
        thresh: Persons whose similarity to a kept one is larger are dropped.
        sigmas: As for `oks_iou`.
        in_vis_thre: Likewise.
        fixed: As for `oks_iou`; and of equal scores the first person comes first, where without it
            the order is that of NumPy's unstable sort, mostly the last.

    Returns:
        Indices of the persons to keep, by falling score.

    Raises:
        ValueError: A person lacks something; a shape does not fit.

    Example:
        >>> keypoints = np.tile([10.0, 20.0, 1.0], (17, 1))
        >>> persons = [
        ...     {"score": score, "keypoints": keypoints + shift, "area": 100.0}
        ...     for score, shift in ((0.5, 0.0), (0.9, 0.1), (0.2, 50.0))
        ... ]
        >>> oks_nms(persons, 0.9)
        [1, 2]
    """
    name = "oks_nms"
    arguments.check_flag(name, "fixed", fixed)
    limit = arguments.number(name, "thresh", thresh)
    if len(kpts_db) == 0:
        return []
    scores, keypoints, areas = _persons(name, kpts_db)
    order = np.argsort(-scores, kind="stable") if fixed else scores.argsort()[::-1]
    keep = []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(int(best))
        similarity = oks_iou(
            *(keypoints[best], keypoints[rest], areas[best], areas[rest], sigmas, in_vis_thre),
            fixed=fixed,
        )
        order = rest[similarity <= limit]
    return keep


_MOST_PERSONS = 20


def soft_oks_nms(
    kpts_db: Sequence[dict[str, Any]],
    thresh: float,
    sigmas: Array | None = None,
    in_vis_thre: float | None = None,
    *,
    fixed: bool = False,
) -> Array:
    """Orders at most 20 persons, lowering the scores of those that are similar to one before.

    A score is multiplied by exp(-similarity^2 / thresh) for each person before it. The scores in
    kpts_db stay as they are.

    Args:
        kpts_db: As for `oks_nms`.
        thresh: See above.
        sigmas: As for `oks_iou`.
        in_vis_thre: Likewise.
        fixed: As for `oks_nms`.

    Returns:
        Indices of the persons, [N] or [20].

    Raises:
        ValueError: A person lacks something; a shape does not fit; thresh is not positive.

    Example:
        >>> keypoints = np.tile([10.0, 20.0, 1.0], (17, 1))
        >>> persons = [
        ...     {"score": score, "keypoints": keypoints + shift, "area": 100.0}
        ...     for score, shift in ((0.8, 0.0), (0.9, 0.1), (0.4, 50.0))
        ... ]
        >>> soft_oks_nms(persons, 0.9).tolist()
        [1, 2, 0]
    """
    name = "soft_oks_nms"
    arguments.check_flag(name, "fixed", fixed)
    limit = arguments.number(name, "thresh", thresh)
    if limit <= 0:
        raise arguments.value_error(name, "thresh", "positive", thresh)
    if len(kpts_db) == 0:
        return np.zeros(0, np.intp)
    scores, keypoints, areas = _persons(name, kpts_db)

    def falling(values: Array) -> Array:
        return np.argsort(-values, kind="stable") if fixed else values.argsort()[::-1]

    order = falling(scores)
    scores = scores[order]
    keep: list[int] = []
    while len(order) and len(keep) < _MOST_PERSONS:
        best, order = order[0], order[1:]
        keep.append(best)
        similarity = oks_iou(
            *(keypoints[best], keypoints[order], areas[best], areas[order], sigmas, in_vis_thre),
            fixed=fixed,
        )
        scores = scores[1:] * np.exp(-(similarity**2) / limit)
        again = falling(scores)
        order, scores = order[again], scores[again]
    return np.array(keep, np.intp)
