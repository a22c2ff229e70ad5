"""The output folder: which files an analysis leaves, and how they are written."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from python_models.arrays import Array
from python_models.prediction.picture_files import (
    check_overlays,
    overlay_name,
    pictures_in,
    write_picture,
)
from python_models.prediction.video import video_writer
from python_models.presentation.analysis_file import write_analysis, write_keypoints
from python_models.presentation.canvas import blank, drawn_at, from_side
from python_models.presentation.curves import save_curves
from python_models.presentation.joint_sources import Source
from python_models.presentation.judgement import Judged
from python_models.presentation.overlay_angles import Overlay
from python_models.presentation.page import page, write_page
from python_models.presentation.page_parts import Picture
from python_models.presentation.views_3d import save_views

FILES = (
    "report.html", "analysis.json", "keypoints.json", "pose_3d.json", "curves.png", "views_3d.png",
    "overlay.mp4",
)  # fmt: skip
OVERLAYS = "overlays"
_DRAWN = frozenset({".png", ".jpg", ".jpeg"})
_MOST_VIEWS = 4
_MOST_FRAMES = 8  # pictures in the report
_MOST_BLANK = 1000  # drawings without a picture or a time
_WIDEST = 640  # pixels of a picture in the report


def check_output(folder: Path, source: Path, *, overwrite: bool) -> None:
    """Before any work: nothing that is there is written over unasked, the input never.

    Raises:
        FileExistsError: The folder has something in it, or is a file.
        ValueError: The input would be written over.
    """
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"output {folder} must be a folder, and is a file")
    written = {(folder / name).resolve() for name in FILES}
    if source.resolve() in written or source.resolve() == (folder / OVERLAYS).resolve():
        raise ValueError(f"{source} would be written over: choose another --output")
    if source.is_dir():
        check_overlays(pictures_in(source), folder / OVERLAYS)
    elif source.parent.resolve() == (folder / OVERLAYS).resolve():
        raise ValueError(f"{source} would be written over: choose another --output")
    if folder.is_dir() and not overwrite and any(folder.iterdir()):
        raise FileExistsError(
            f"output {folder} is not empty: choose another folder, or give --overwrite"
        )


def write_all(folder: Path, name: str, source: Source, judged: Judged) -> list[Path]:
    """Writes every file, removes those of an earlier analysis that this one does not have.

    Args:
        folder: Is made if it is not there.
        name: Of the input, as people know it.
        source: The pictures to draw on.
        judged: What is written.

    Returns:
        The written files; the folder of overlays is one of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    analysis, keypoints, notes = judged.analysis, source.keypoints, list(judged.notes)
    key_frames = frames_to_show(judged)
    stills = _overlays(folder, source, judged, key_frames, notes)
    written = [folder / ("overlay.mp4" if source.is_video else OVERLAYS)]
    curves = views = None
    if save_curves(folder / "curves.png", analysis):
        written.append(folder / "curves.png")
        curves = Picture(
            written[-1].read_bytes(),
            "Angle curves: left side blue and solid, right side red and dashed; spans that cannot "
            "be relied on are shaded",
            "Left side blue, right side red and dashed. Gaps are where nothing is known; shaded "
            "spans are not judged; bands are two standard deviations, where they are known; "
            "numbers are repetitions. All values are in analysis.json.",
        )
    if judged.sequence.dimensions == 3:
        some = key_frames[:_MOST_VIEWS]
        titles = [_when(judged, source, frame) for frame in some]
        save_views(folder / "views_3d.png", judged.sequence, some, titles)
        written.append(folder / "views_3d.png")
        views = Picture(
            written[-1].read_bytes(),
            f"The 3D pose from the front, the side and above: {', '.join(titles)}",
            "Right side red, left side blue, in millimetres.",
        )
    write_keypoints(folder / "keypoints.json", keypoints)
    write_analysis(
        folder / "analysis.json",
        analysis,
        keypoints=keypoints,
        source=name,
        notes=notes,
        in_picture=judged.in_picture,
    )
    html = page(
        analysis, names=keypoints.names, notes=notes, curves=curves, views=views, frames=stills
    )
    write_page(folder / "report.html", html)
    written += [folder / name for name in ("keypoints.json", "analysis.json", "report.html")]
    for path in (folder / name for name in FILES):
        if path not in written:
            path.unlink(missing_ok=True)
    return written


def frames_to_show(judged: Judged) -> list[int]:
    """The turning points of the repetitions, whole ones first; without any, reliable frames."""
    analysis = judged.analysis
    repetitions = sorted(analysis.repetitions, key=lambda r: (not r.complete, r.number))
    frames = [repetition.bottom for repetition in repetitions]
    if not frames:
        reliable = np.flatnonzero(analysis.reliability.reliable)
        every = reliable if len(reliable) else np.arange(analysis.frames)
        frames = every[:: max(1, len(every) // _MOST_VIEWS)].tolist()
    return sorted(dict.fromkeys(frames[:_MOST_FRAMES]))


def _when(judged: Judged, source: Source, frame: int) -> str:
    rate = judged.analysis.frame_rate
    return source.keypoints.names[frame] if rate is None else f"{frame / rate:.2f} s"


def _overlays(
    folder: Path, source: Source, judged: Judged, stills: Sequence[int], notes: list[str]
) -> list[Picture]:
    """Draws all frames; gives the pictures of some for the report."""
    keypoints, points = source.keypoints, judged.shown
    if source.pictures is not None:
        pictures = source.pictures()
    else:
        flat = points if points.shape[2] == 2 else from_side(judged.sequence)
        points, size = drawn_at(flat, keypoints.image_size)
        count = len(keypoints)
        if not source.is_video and count > _MOST_BLANK:
            notes.append(f"only the first {_MOST_BLANK} of {count} poses are drawn")
            count = _MOST_BLANK
        pictures = blank(count, size)
    overlay = Overlay(points, keypoints.skeleton, judged.analysis, keypoints.names)
    shown = []
    with _writer(folder, source) as write:
        for frame, image in enumerate(pictures):
            drawn = overlay.draw(image, frame)
            write(frame, drawn)
            if frame in stills:
                when = _when(judged, source, frame)
                alt = f"Skeleton and angles drawn over the picture, {when}"
                shown.append(Picture(_jpeg(drawn), alt, when))
    return shown


@contextlib.contextmanager
def _writer(folder: Path, source: Source) -> Iterator[Callable[[int, Array], None]]:
    """Gives a function that takes the frame's number and its drawing."""
    kept: set[str] = set()
    if source.is_video:
        with video_writer(folder / "overlay.mp4", source.keypoints.frame_rate or 0.0) as append:
            yield lambda _, image: append(image)
    else:

        def write(frame: int, image: Array) -> None:
            # Names in a keypoint file are anything: they name no file.
            name = overlay_name(source.keypoints.names[frame])
            name = name if source.pictures is not None else f"{frame:06d}.png"
            kept.add(name)
            write_picture(folder / OVERLAYS / name, image)

        yield write
    if (folder / OVERLAYS).is_dir():
        for path in (folder / OVERLAYS).iterdir():
            if path.name not in kept and path.suffix.lower() in _DRAWN and path.is_file():
                path.unlink()


def _jpeg(image: Array) -> bytes:
    picture = Image.fromarray(image)
    picture.thumbnail((_WIDEST, _WIDEST))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()
