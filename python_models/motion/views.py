"""Poses before a camera, with exact keypoints: motions that virtual cameras see, or pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from python_models.motion.body_size import checked_size
from python_models.motion.conversion import convert
from python_models.motion.draws import Draws
from python_models.motion.known import known
from python_models.motion.motion import Floats, Motion
from python_models.motion.skeletons import ROOT_ALONE, Skeleton, skeleton
from python_models.motion.virtual_cameras import VirtualCameras, level

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """B poses, each before its own camera.

    Attributes:
        keypoints: [B, K, 2] of the input skeleton in pixels; NaN: not known.
        points: [B, K', 3] of the output skeleton in millimetres, in the camera's frame, less the
            root: the pelvis, or the middle of the hips where the data have no pelvis. NaN: not
            known.
        size: (W, H) of the pictures [B, 2].
    """

    keypoints: Floats
    points: Floats
    size: Floats


class Views(Protocol):
    """Poses by number, with cameras that may be drawn."""

    @property
    def source(self) -> Skeleton:
        """Of the keypoints."""

    @property
    def target(self) -> Skeleton:
        """Of the points."""

    @property
    def subjects(self) -> list[str]:
        """Whose each pose is."""

    @property
    def actions(self) -> list[str]:
        """What the person does in each."""

    def __len__(self) -> int: ...

    def see(self, index: Integers, draws: Draws, /) -> View:
        """Poses `index` [B], with what `draws` has for each of them."""

    def name(self, index: int) -> str:
        """What a person can find a pose by."""

    def digest(self) -> str:
        """Another one where another pose is in the data, or another camera."""


class MotionViews:
    """Poses of motions before virtual cameras, a new one whenever a pose is drawn anew.

    A pose of which a joint is not known, that the skeletons ask for, is left out, and so are those
    between every `every`-th. Motions in a camera's frame are seen as `level` has them.

    Args:
        motions: Of any skeletons.
        source: Of the keypoints.
        target: Of the points.
        cameras: How cameras stand around the pose.
        every: Of how many poses in turn one is used.
        cameras_per_pose: How many numbers a pose has: so many cameras see it in an epoch.
        in_view: Further joints that must be in the picture, where they are known: the person that
            fills it is then more than the skeletons' joints.
        gaps: Keep the poses of which only the hips (or the pelvis) are known for sure.

    Raises:
        ValueError: `every` or `cameras_per_pose` is not positive, no pose is left, or a body is not
            of a person's size.
    """

    def __init__(
        self,
        motions: Sequence[Motion],
        source: Skeleton,
        target: Skeleton,
        *,
        cameras: VirtualCameras | None = None,
        every: int = 1,
        cameras_per_pose: int = 1,
        in_view: Skeleton | None = None,
        gaps: bool = False,
    ) -> None:
        if every < 1 or cameras_per_pose < 1:
            raise ValueError(
                f"MotionViews: every and cameras_per_pose must be at least 1, "
                f"got {every} and {cameras_per_pose}"
            )
        self.source, self.target = source, target
        self.cameras = cameras or VirtualCameras()
        self._per_pose = cameras_per_pose
        further = in_view.joints if in_view is not None else ()
        self._all = skeleton("seen", tuple(dict.fromkeys(source.joints + target.joints + further)))
        self._inputs = self._all.indices(*source.joints)
        self._outputs = self._all.indices(*target.joints)
        asked = sorted({*self._inputs, *self._outputs})
        parts, roots, frames = [], [], []
        self._motions = [checked_size(motion, f"Motion {motion.name}") for motion in motions]
        unknown = set(asked)
        for motion in self._motions:
            thinned = motion.map(lambda joints: joints[::every])
            joints = level(thinned)
            seen = convert(joints, motion.skeleton, self._all)
            root = convert(joints, motion.skeleton, ROOT_ALONE)
            sure = known(seen)
            unknown -= set(np.flatnonzero(sure.any(axis=0)))
            kept = known(root)[:, 0]
            if gaps:
                kept &= sure[:, self._inputs].any(axis=1) & sure[:, self._outputs].any(axis=1)
            else:
                kept &= sure[:, asked].all(axis=1)
            parts.append(seen[kept])
            roots.append(root[kept])
            frames.append(np.flatnonzero(kept) * every)
        self._frames = np.concatenate(frames) if frames else np.zeros(0, np.int64)
        if not len(self._frames):
            names = ", ".join(self._all.joints[joint] for joint in sorted(unknown))
            raise ValueError(
                f"MotionViews: no pose of {len(self._motions)} motions has every joint of "
                f"{source.name} and {target.name}; never known: {names or 'none'}"
            )
        self._motion = np.repeat(np.arange(len(frames)), [len(part) for part in frames])
        self._joints, self._roots = np.concatenate(parts), np.concatenate(roots)

    def __len__(self) -> int:
        return len(self._joints) * self._per_pose

    @property
    def subjects(self) -> list[str]:
        """Whose each pose is."""
        return [self._motions[m].subject for m in self._motion.repeat(self._per_pose)]

    @property
    def actions(self) -> list[str]:
        """What the person does in each."""
        return [self._motions[m].action for m in self._motion.repeat(self._per_pose)]

    def see(self, index: Integers, draws: Draws, /) -> View:
        """Poses `index` [B] before the cameras that `draws` has for them."""
        pose = index // self._per_pose
        joints = self._joints[pose]
        camera = self.cameras.around(joints, draws)
        keypoints = camera.project(joints[:, self._inputs])
        away = joints[:, self._outputs] - self._roots[pose]
        points = away @ np.swapaxes(camera.rotation, 1, 2)
        size = np.broadcast_to(np.array(camera.size, np.float64), (len(index), 2))
        return View(keypoints, points, size)

    def name(self, index: int) -> str:
        """The motion and the number of its frame."""
        pose = index // self._per_pose
        return f"frame {self._frames[pose]} of {self._motions[self._motion[pose]].name}"

    def digest(self) -> str:
        """Another one where another pose is in the data, or other cameras."""
        digest = hashlib.sha256(repr((self.source, self.target, self.cameras)).encode())
        digest.update(repr((self._all.joints, self._per_pose)).encode())
        for motion in self._motions:
            digest.update(repr((motion.name, motion.subject, motion.action)).encode())
        for array in (self._motion, self._frames, self._joints, self._roots):
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]


class PictureViews:
    """Poses whose camera is given: keypoints of pictures, and joints in the camera's frame.

    Args:
        keypoints: [N, K, 2] in pixels; NaN: not known.
        points: [N, K', 3] in millimetres, in the camera's frame, of `target`; NaN: not known.
        size: (W, H) of the pictures [N, 2] or of all [2].
        source: Of the keypoints.
        target: Of the points; it must have or give the pelvis.
        subjects: Whose each pose is.
        actions: What the person does in each.
        names: What a person can find each by.

    Raises:
        ValueError: A shape is another one, or a pose has no root.
    """

    def __init__(
        self,
        keypoints: Floats,
        points: Floats,
        size: Floats,
        source: Skeleton,
        target: Skeleton,
        *,
        subjects: Sequence[str],
        actions: Sequence[str],
        names: Sequence[str],
    ) -> None:
        count = len(keypoints)
        shapes = {
            "keypoints": (keypoints.shape, (count, len(source), 2)),
            "points": (points.shape, (count, len(target), 3)),
            "subjects": ((len(subjects),), (count,)),
            "actions": ((len(actions),), (count,)),
            "names": ((len(names),), (count,)),
        }
        for what, (got, expected) in shapes.items():
            if got != expected:
                raise ValueError(f"PictureViews: {what} must be {list(expected)}, got {list(got)}")
        self.source, self.target = source, target
        self.subjects, self.actions, self._names = list(subjects), list(actions), list(names)
        self._keypoints = np.asarray(keypoints, np.float64)
        self._points = points - convert(points, target, ROOT_ALONE)
        rootless = np.flatnonzero(np.isnan(self._points).all(axis=(1, 2)))
        if rootless.size:
            raise ValueError(
                f"PictureViews: {rootless.size} poses have no root (pelvis, or both hips), "
                f"the first is {self._names[rootless[0]]}"
            )
        self._size = np.broadcast_to(np.asarray(size, np.float64), (count, 2))

    def __len__(self) -> int:
        return len(self._keypoints)

    def see(self, index: Integers, _: Draws, /) -> View:
        """Poses `index` [B], as they are: nothing is drawn."""
        return View(self._keypoints[index], self._points[index], self._size[index])

    def name(self, index: int) -> str:
        """As it was given."""
        return self._names[index]

    def digest(self) -> str:
        """Another one where another pose is in the data."""
        digest = hashlib.sha256(repr((self.source, self.target)).encode())
        digest.update(repr((self._names, self.subjects, self.actions)).encode())
        for array in (self._keypoints, self._points, self._size):
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]
