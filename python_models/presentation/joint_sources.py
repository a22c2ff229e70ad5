"""Where the joints that are analysed come from: a video, pictures or a keypoint file."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from python_models.arrays import Array
from python_models.motion.skeletons import LOWER_BODY_6
from python_models.prediction import video
from python_models.prediction.person_boxes import Box, PersonBoxes
from python_models.prediction.picture_files import SUFFIXES as PICTURES
from python_models.prediction.picture_files import pictures_in, read_picture
from python_models.prediction.predictor import BoxSizeError, Predictor
from python_models.presentation.keypoint_file import SUFFIXES as KEYPOINT_FILES
from python_models.presentation.keypoint_file import read_keypoints
from python_models.presentation.keypoints import Keypoints
from python_models.presentation.person_choice import Follower

_MOST_NOTES = 10  # of one kind


@dataclass(frozen=True)
class Source:
    """An input.

    Attributes:
        keypoints: Of one person.
        pictures: Gives, each time, a picture a frame, uint8 [H, W, 3], red first; None where the
            input has no pictures.
        is_video: All pictures have one size, and follow each other in time.
    """

    keypoints: Keypoints
    pictures: Callable[[], Iterator[Array]] | None
    is_video: bool


def kind_of(path: Path) -> str:
    """One of "video", "pictures" and "keypoints".

    Raises:
        FileNotFoundError: There is nothing there.
        ValueError: It is none of them.
    """
    if not path.exists():
        raise FileNotFoundError(f"input {path} does not exist")
    suffix = path.suffix.lower()
    for kind, suffixes in (
        ("video", video.SUFFIXES),
        ("pictures", PICTURES),
        ("keypoints", KEYPOINT_FILES),
    ):
        if path.is_file() and suffix in suffixes:
            return kind
    if path.is_dir():
        return "pictures"
    known = sorted(video.SUFFIXES | PICTURES | KEYPOINT_FILES)
    raise ValueError(f"{path}: must be a folder of pictures, or end in one of {', '.join(known)}")


def of_keypoint_file(path: Path, rate: float | None, person: int | None) -> Source:
    """A keypoint file; nothing is seen behind the skeleton."""
    keypoints = read_keypoints(path, rate=rate, person=person)
    if keypoints.frame_rate is not None:
        video.frame_rate(path, keypoints.frame_rate, rate)
    return Source(keypoints, None, is_video=keypoints.frame_rate is not None)


def of_video(
    path: Path,
    predictor: Predictor,
    boxes: PersonBoxes,
    rate: float | None = None,
    person: int | None = None,
) -> Source:
    """A video: joints are looked for in every frame."""
    found = _Found(predictor, Follower(person))
    with video.VideoFrames(path) as frames:
        rate = video.frame_rate(path, frames.frames_per_second, rate)
        for number, image in enumerate(frames):
            found.add(str(number), image, boxes.of_frame(number, _size(image)))
        expected = frames.expected
    notes = []
    if len(found.names) < expected:
        notes.append(f"only {len(found.names)} of {expected} frames of the video could be read")
    keypoints = found.keypoints(rate, notes)

    def pictures() -> Iterator[Array]:
        with video.VideoFrames(path) as frames:
            yield from itertools.islice(frames, len(keypoints))

    return Source(keypoints, pictures, is_video=True)


def of_pictures(
    path: Path,
    predictor: Predictor,
    boxes: PersonBoxes,
    rate: float | None = None,
    person: int | None = None,
) -> Source:
    """A picture, or those of a folder. With a rate they are moments of one motion, by name.

    A picture that cannot be read is a moment without a person; without a rate it is left out.
    Names are in the order of their numbers: frame2 before frame10.

    Raises:
        ValueError: No picture can be read.
    """
    paths = sorted(pictures_in(path), key=_natural) if path.is_dir() else [path]
    found = _Found(predictor, Follower(person, follow=rate is not None))
    kept, notes = [], []
    for picture in paths:
        try:
            image = _read(picture, boxes)
        except (OSError, ValueError) as error:
            if rate is None:
                notes.append(f"left out: {error}")
                continue
            notes.append(f"a gap: {error}")
            found.add_nothing(picture.name)
        else:
            found.add(picture.name, image, boxes.of_picture(picture.name, _size(image)))
        kept.append(picture)
    if not any(found.sizes):
        raise ValueError(f"{path}: no picture could be read" + "".join(f"; {n}" for n in notes[:1]))
    keypoints = found.keypoints(rate, notes)
    sizes = keypoints.image_sizes or ()

    def pictures() -> Iterator[Array]:
        for picture, (width, height) in zip(kept, sizes, strict=True):
            try:
                yield _read(picture, boxes)
            except (OSError, ValueError):
                yield np.zeros((height, width, 3), np.uint8)

    return Source(keypoints, pictures, is_video=False)


class _Found:
    """Gathers the joints of one person."""

    def __init__(self, predictor: Predictor, choose: Follower) -> None:
        self._predictor = predictor
        self._choose = choose
        self._joints: list[Array] = []
        self._scores: list[Array] = []
        self._covariances: list[Array] = []
        self._unseen: list[str] = []
        self.names: list[str] = []
        self.sizes: list[tuple[int, int] | None] = []

    def add(self, name: str, image: Array, persons: list[tuple[int, Box]]) -> None:
        place = self._choose(persons)
        if place is None:
            self.add_nothing(name, _size(image))
            return
        try:
            joints, maxima, covariances = self._predictor.with_covariance(image, persons[place][1])
        except BoxSizeError as error:
            self._unseen.append(f"nobody is looked for in {name}: {error}")
            self.add_nothing(name, _size(image))
        else:
            self._append(name, joints, maxima, covariances, _size(image))

    def add_nothing(self, name: str, size: tuple[int, int] | None = None) -> None:
        """A frame in which the person is not."""
        nowhere = np.full((len(LOWER_BODY_6), 2, 3), np.nan)
        nothing = np.zeros(len(LOWER_BODY_6))
        self._append(name, nowhere[..., 0], nothing, nowhere[..., 1:], size)

    def _append(
        self,
        name: str,
        joints: Array,
        scores: Array,
        covariances: Array,
        size: tuple[int, int] | None,
    ) -> None:
        self.names.append(name)
        self.sizes.append(size)
        self._joints.append(np.asarray(joints, np.float64))
        self._scores.append(np.clip(np.asarray(scores, np.float64), 0, 1))
        self._covariances.append(np.asarray(covariances, np.float64))

    def keypoints(self, rate: float | None, notes: list[str]) -> Keypoints:
        """Of all frames."""
        covariances = np.stack(self._covariances)
        known = next(size for size in self.sizes if size is not None)
        return Keypoints(
            np.stack(self._joints),
            np.stack(self._scores),
            LOWER_BODY_6,
            rate,
            tuple(size or known for size in self.sizes),
            tuple(self.names),
            notes=(*notes, *self._unseen[:_MOST_NOTES], *self._choose.notes()),
            covariances=None if np.isnan(covariances).all() else covariances,
        )


def _read(path: Path, boxes: PersonBoxes) -> Array:
    boxes.check_picture(path.name)
    # Annotations are of the picture as it is stored.
    return read_picture(path, turned=boxes.by_id is None)


def _size(image: Array) -> tuple[int, int]:
    return int(image.shape[1]), int(image.shape[0])


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts numbers in names by their value."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
