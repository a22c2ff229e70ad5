"""Videos: frames in, frames out."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import cv2

from python_models.arrays import Array
from python_models.whole_file import whole_file

SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"})


class VideoFrames:
    """The frames of a video, uint8 [H, W, 3], red first, turned as the file says.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read as a video.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"video {path} does not exist")
        self.path = path
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise ValueError(f"{path}: cannot be read as a video")
        self.frames_per_second = float(self._capture.get(cv2.CAP_PROP_FPS))
        # What the file says; some say nothing, or guess.
        self.expected = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __iter__(self) -> Iterator[Array]:
        found = 0
        while True:
            whole, frame = self._capture.read()
            if not whole:
                break
            found += 1
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        if not found:
            raise ValueError(f"{self.path}: no frame of the video can be read")

    def __enter__(self) -> VideoFrames:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._capture.release()


def frame_rate(path: Path, of_file: float, given: float | None) -> float:
    """Frames per second: the given one, else the file's.

    Raises:
        ValueError: There is none, so that no frame has a time.
    """
    rate = of_file if given is None else given
    if not 0 < rate < math.inf:
        raise ValueError(
            f"{path}: frames per second must be positive, got {rate:g}; the file does not say "
            "how fast it is: give --fps"
        )
    return rate


@contextlib.contextmanager
def video_writer(path: Path, frames_per_second: float) -> Iterator[Callable[[Array], None]]:
    """Gives a function that appends a frame, uint8 [H, W, 3], red first, to an MP4 (mp4v).

    All frames have the size of the first one; of an odd side the last pixel is left out. The file
    appears when it is complete.

    Raises:
        OSError: It could not be written: OpenCV does not say why.
        ValueError: A frame has another size.
    """
    with whole_file(path) as temporary:
        writer: cv2.VideoWriter | None = None
        shape = None
        count = 0

        def write(frame: Array) -> None:
            nonlocal writer, shape, count
            if writer is None:
                shape = frame.shape
                size = (shape[1], shape[0])
                code = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(temporary), code, frames_per_second, size)
                if not writer.isOpened():
                    raise OSError(f"{path}: OpenCV cannot write a video of {size} pixels there")
            if frame.shape != shape:
                raise ValueError(f"{path}: frames must be {shape}, got {frame.shape}")
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            count += 1

        try:
            yield write
        finally:
            if writer is not None:
                writer.release()
        written = _frames_in(temporary) if count else 0
        if not count or written != count:  # a full disk, say
            raise OSError(f"{path}: {written} of {count} frames could be written")


def _frames_in(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    finally:
        capture.release()
