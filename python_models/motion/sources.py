"""Motions by the name of their data set.

`python -m python_models.motion.sources --source ui-prmd-vicon --root DIR` lists them.
docs/motion-data.md says where the data sets are found and how their folders look.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from python_models.motion import cmu
from python_models.motion.cmu_asf import Asf, read_asf, read_offsets
from python_models.motion.human36m import read_human36m
from python_models.motion.infinite_form import read_infinite_form
from python_models.motion.motion import Motion
from python_models.motion.synthetic_squat_poses import read_synthetic_squats
from python_models.motion.text_files import stem
from python_models.motion.ui_prmd import angles_file, read_kinect, read_vicon


@dataclass(frozen=True)
class Options:
    """What some sources need and no file of theirs has.

    Attributes:
        focal: Of InfiniteForm's cameras, in pixels.
    """

    focal: float | None = None


def open_motions(source: str, root: Path, options: Options | None = None) -> list[Motion]:
    """All motions of a data set, by name.

    Args:
        source: A name among `SOURCES`.
        root: Its folder, or a file that alone is read (Human3.6M and InfiniteForm).
        options: What no file says.

    Raises:
        FileNotFoundError: The folder does not exist, or has no such motion in it.
        ValueError: There is no such source, a file cannot be read, a link leads out of the folder,
            or two motions have one name.
    """
    if source not in SOURCES:
        raise ValueError(f"source must be among {', '.join(SOURCES)}, got {source!r}")
    if not root.exists():
        raise FileNotFoundError(f"{root} does not exist")
    motions = sorted(SOURCES[source](root, options or Options()), key=lambda motion: motion.name)
    if not motions:
        raise FileNotFoundError(f"{root}: no motion of {source} in it")
    (name, count), *_ = Counter(motion.name for motion in motions).most_common(1)
    if count > 1:
        raise ValueError(f"{root}: {count} motions of {source} are called {name}")
    return motions


def table(motions: list[Motion]) -> str:
    """A line a motion; `gaps` is how many of its joints are missing, over all frames."""
    rows = [("name", "subject", "action", "joints", "frames", "seconds", "gaps")]
    for motion in motions:
        gaps = int(np.isnan(motion.joints).any(axis=-1).sum())
        seconds = f"{len(motion) / motion.frame_rate:.2f}" if len(motion) > 1 else "-"
        numbers = str(len(motion.skeleton)), str(len(motion)), seconds, str(gaps)
        rows.append((motion.name, motion.subject, motion.action, *numbers))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number < 3 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _ui_prmd_vicon(root: Path, _: Options) -> list[Motion]:
    return [read_vicon(path) for path in _ui_prmd_positions(root, "vicon")]


def _ui_prmd_kinect(root: Path, _: Options) -> list[Motion]:
    return [read_kinect(path, angles_file(path)) for path in _ui_prmd_positions(root, "kinect")]


def _ui_prmd_positions(root: Path, recorder: str) -> list[Path]:
    """The files of positions in folders, or folders of folders, named after the recorder."""
    found = _files(root, r"m\d\d_s\d\d_e\d\d_positions(_inc)?\.txt(\.gz)?")
    below = root.resolve().parent
    return [path for path in found if recorder in str(path.parent.relative_to(below)).lower()]


def _cmu(root: Path, _: Options) -> list[Motion]:
    motions = []
    for path in _files(root, r"\d+_\d+\.amc(\.gz)?"):
        asf = _asf(path)
        if asf is None:
            subject = stem(path).split("_")[0]
            raise ValueError(f"{path}: no skeleton {subject}.asf beside it")
        motion = cmu.read_cmu_amc(path, asf)
        labels = path.parent / f"{stem(path)}.truelabels.txt"
        if labels.is_file():
            motions += cmu.labelled_parts(motion, cmu.read_labels(labels))
        else:
            motions.append(motion)
    return motions


def _cmu_bvh(root: Path, _: Options) -> list[Motion]:
    return [cmu.read_cmu_bvh(path, _asf(path)) for path in _files(root, r"\d+_\d+\.bvh(\.gz)?")]


def _asf(path: Path) -> Asf | None:
    """The skeleton beside a recording: the subject's, or another's with the subject's offsets."""
    subject = stem(path).split("_")[0]
    own = path.parent / f"{subject}.asf"
    if own.is_file():
        return read_asf(own)
    offsets = path.parent / f"subject{subject}_bvh_offsets.json"
    others = sorted(path.parent.glob("*.asf"))
    return read_asf(others[0], read_offsets(offsets)) if others and offsets.is_file() else None


def _human36m(root: Path, _: Options) -> list[Motion]:
    if root.is_file():
        return read_human36m(root)
    converted = root / "human36m.npz"
    return read_human36m(converted if converted.exists() else root / "data_3d_h36m.npz")


def _infinite_form(root: Path, options: Options) -> list[Motion]:
    paths = [root] if root.is_file() else _files(root, r".+\.json(\.gz)?")
    return [m for path in paths for m in read_infinite_form(path, focal=options.focal)]


def _synthetic_squats(root: Path, _: Options) -> list[Motion]:
    splits = [
        split
        for split in ("train", "val")
        if (root / "annotations" / f"person_keypoints_{split}2017.json").is_file()
    ]
    return [m for split in splits for m in read_synthetic_squats(root, split).motions()]


def _files(root: Path, pattern: str) -> list[Path]:
    """The files below a folder whose names match, sorted; of none a link leads elsewhere."""
    if not root.is_dir():
        raise ValueError(f"{root} is no folder")
    inside = root.resolve()
    found = []
    for path in sorted(inside.rglob("*")):
        if not path.is_file() or not re.fullmatch(pattern, path.name):
            continue
        if not path.resolve().is_relative_to(inside):
            raise ValueError(f"{path}: leads out of {inside}")
        found.append(path)
    return found


SOURCES: dict[str, Callable[[Path, Options], list[Motion]]] = {
    "ui-prmd-vicon": _ui_prmd_vicon,
    "ui-prmd-kinect": _ui_prmd_kinect,
    "cmu": _cmu,
    "cmu-bvh": _cmu_bvh,
    "human36m": _human36m,
    "infinite-form": _infinite_form,
    "synthetic-squats": _synthetic_squats,
}
"""How each source's folder is read."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = argparse.ArgumentParser(description="Lists the motions of a data set.")
    add = parser.add_argument
    add("--source", required=True, choices=SOURCES)
    add("--root", required=True, type=Path, help="the data set's folder")
    add("--focal", type=float, help="InfiniteForm's focal length in pixels")
    args = parser.parse_args(arguments)
    try:
        motions = open_motions(args.source, args.root, Options(args.focal))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(motions))
    subjects = len({motion.subject for motion in motions})
    print(f"{len(motions)} motions of {subjects} subjects")
    return 0


if __name__ == "__main__":
    sys.exit(main())
