"""Suppression of repeated persons by OKS, as in HRNet's `nms/nms.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ... import _arguments as arguments
from ...arrays import oks
from .._checks import Array, as_array, check_array


def _joints(name: str, argument: str, array: object, layout: str) -> Array:
    """[N, 3 K] or [3 K] as [N, K, 3]."""
    check_array(name, argument, array, {layout.count(",") + 1: layout})
    joints: Array = array  # type: ignore[assignment]
    if joints.shape[-1] % 3 or joints.shape[-1] == 0:
        raise arguments.value_error(name, argument, layout, list(joints.shape))
    return joints.reshape(-1, joints.shape[-1] // 3, 3)


def _similarities(
    name: str,
    persons: tuple[Array, Array],
    others: tuple[Array, Array],
    sigmas: object,
    in_vis_thre: float | None,
    fixed: bool,
) -> Array:
    """Of all others with all persons, [D, G]; each are joints [N, K, 3] and areas [N]."""
    arguments.check_flag(name, "fixed", fixed)
    joints, areas = persons
    other_joints, other_areas = others
    counts, other_counts = np.ones(joints.shape[:2]), None
    if in_vis_thre is not None:
        limit = arguments.number(name, "in_vis_thre", in_vis_thre)
        other_counts = other_joints[..., 2] > limit
        if fixed:
            counts = joints[..., 2] > limit
    return oks(
        other_joints[..., :2],
        joints[..., :2],
        counts,
        areas,
        # HRNet does not look at what is no array.
        sigmas if isinstance(sigmas, np.ndarray) else None,
        pred_visible=other_counts,
        pred_area=other_areas,
        no_visible="zero",
    )


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
        ValueError: A shape does not fit, or sigmas are not positive.

    Example:
        >>> person = np.tile([10.0, 20.0, 1.0], 17)
        >>> oks_iou(person, np.stack([person, person + 3]), 100.0, np.full(2, 100.0)).round(3)
        array([1.   , 0.034])
    """
    name = "oks_iou"
    person = _joints(name, "g", g, "[3 K]"), np.array([arguments.number(name, "a_g", a_g)])
    others = _joints(name, "d", d, "[N, 3 K]"), as_array(name, "a_d", a_d, {1: "[N]"})
    similarities = _similarities(name, person, others, sigmas, in_vis_thre, fixed)
    return similarities[:, 0]


def _persons(
    name: str,
    kpts_db: Sequence[dict[str, Any]],
    sigmas: object,
    in_vis_thre: float | None,
    fixed: bool,
) -> tuple[Array, Array]:
    """Scores [N], and the similarities of all with all, [N, N]."""
    for person in kpts_db:
        if not isinstance(person, Mapping):
            raise arguments.type_error(name, "kpts_db", "a dict a person", person)
        for key in ("score", "keypoints", "area"):
            if key not in person:
                raise ValueError(f"{name}: kpts_db must hold {key!r} in every person")
    lists = list, tuple, np.ndarray
    for person in kpts_db:
        if not isinstance(person["keypoints"], lists):
            expected = "an array in every person"
            raise arguments.type_error(name, "keypoints", expected, person["keypoints"])
    scores, areas = (
        as_array(name, f"kpts_db's {key!r}", [person[key] for person in kpts_db], {1: "[N]"})
        for key in ("score", "area")
    )
    flat = [np.asarray(person["keypoints"]).flatten() for person in kpts_db]
    if len({len(keypoints) for keypoints in flat}) != 1:
        raise ValueError(f"{name}: kpts_db must hold as many keypoints in every person")
    joints = _joints(name, "keypoints", np.array(flat), "[N, 3 K]")
    found = joints, areas
    return scores.astype(np.float64), _similarities(name, found, found, sigmas, in_vis_thre, fixed)


def _falling(scores: Array, fixed: bool) -> Array:
    return np.argsort(-scores, kind="stable") if fixed else scores.argsort()[::-1]


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
    if not isinstance(kpts_db, Sequence):
        raise arguments.type_error(name, "kpts_db", "a list of persons", kpts_db)
    if len(kpts_db) == 0:
        return []
    scores, similarities = _persons(name, kpts_db, sigmas, in_vis_thre, fixed)
    order = _falling(scores, fixed)
    keep = []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(int(best))
        order = rest[similarities[rest, best] <= limit]
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
    if not isinstance(kpts_db, Sequence):
        raise arguments.type_error(name, "kpts_db", "a list of persons", kpts_db)
    if limit <= 0:
        raise arguments.value_error(name, "thresh", "positive", thresh)
    if len(kpts_db) == 0:
        return np.zeros(0, np.intp)
    scores, similarities = _persons(name, kpts_db, sigmas, in_vis_thre, fixed)
    order = _falling(scores, fixed)
    scores = scores[order]
    keep: list[int] = []
    while len(order) and len(keep) < _MOST_PERSONS:
        best, order = order[0], order[1:]
        keep.append(best)
        scores = scores[1:] * np.exp(-(similarities[order, best] ** 2) / limit)
        again = _falling(scores, fixed)
        order, scores = order[again], scores[again]
    return np.array(keep, np.intp)
