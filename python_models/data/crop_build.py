"""Cuts persons out of images into the files of a crop cache; what a worker process runs.

It imports neither torch nor pycocotools, with which a process takes seconds to start.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from python_models.data.crop import UNREADABLE, Crop, rgb_image

if TYPE_CHECKING:
    from python_models.arrays import Array


@dataclass(frozen=True)
class CropFile:
    """A .npy file [N, H, W, 3] of uint8, written crop by crop."""

    path: Path
    size: tuple[int, int]  # (W, H)
    header: int  # bytes before the first crop

    @classmethod
    def create(cls, path: Path, size: tuple[int, int], persons: int) -> CropFile:
        """Makes the file with all its space, so that a full disk shows at once."""
        shape = (persons, size[1], size[0], 3)
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )
            header = file.tell()
            file.flush()
            whole = header + int(np.prod(shape))
            try:
                os.posix_fallocate(file.fileno(), 0, whole)
            except OSError as error:
                reason = f"no room for {whole / 1e6:.1f} MB of crops: {error.strerror}"
                raise OSError(error.errno, reason, str(path)) from error
        return cls(path, size, header)

    def write(self, descriptor: int, index: int, pixels: Array) -> None:
        """Writes one crop."""
        left = pixels.tobytes()
        place = self.header + index * len(left)
        while left:
            written = os.pwrite(descriptor, left, place)
            left, place = left[written:], place + written


@dataclass(frozen=True)
class ImageCrops:
    """An image, and for each of its persons the position and a crop for each file."""

    image_path: Path
    persons: tuple[tuple[int, tuple[Crop, ...]], ...]


def cut_all(
    work: Sequence[ImageCrops], files: Sequence[CropFile], processes: int
) -> Iterator[list[tuple[int, str]]]:
    """Cuts all crops; of each image the positions that have none, with the reason.

    Raises:
        OSError: The disk is full, or reading failed for a reason that is not the image's.
    """
    if processes <= 1:
        cutter = Cutter(files)
        for crops in work:
            yield cutter.cut(crops)
        return
    # spawn: a fork would copy the locks of torch's threads, if the caller has any.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _start, (tuple(files),))
    try:
        yield from pool.map(_cut, work, chunksize=4)
    finally:
        pool.shutdown(cancel_futures=True)


class Cutter:
    """Has the files open."""

    def __init__(self, files: Sequence[CropFile]) -> None:
        self._files = [(file, file.path.open("r+b", buffering=0)) for file in files]

    def cut(self, crops: ImageCrops) -> list[tuple[int, str]]:
        """Decodes the image once and writes its crops."""
        try:
            image = rgb_image(crops.image_path)
        except UNREADABLE as error:
            # What is of the machine or the moment, not of the image, no cache must remember.
            if isinstance(error, OSError) and error.errno not in (None, errno.EACCES, errno.EPERM):
                raise
            return [(index, str(error)) for index, _ in crops.persons]
        bad = []
        for index, of_files in crops.persons:
            try:
                parts = [
                    np.asarray(crop.image(image, file.size))
                    for crop, (file, _) in zip(of_files, self._files, strict=True)
                ]
            except UNREADABLE as error:  # a crop so large that Pillow suspects an attack
                bad.append((index, str(error)))
                continue
            for pixels, (file, stream) in zip(parts, self._files, strict=True):
                file.write(stream.fileno(), index, pixels)
        return bad


_cutter: Cutter


def _start(files: tuple[CropFile, ...]) -> None:
    global _cutter
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the parent ends the pool
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _cutter = Cutter(files)


def _cut(crops: ImageCrops) -> list[tuple[int, str]]:
    return _cutter.cut(crops)


def _end_with_parent() -> None:
    """A parent that is killed tells nobody; its workers would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
