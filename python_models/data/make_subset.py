"""Writes a subset of a COCO keypoint annotation file.

    python -m python_models.data.make_subset --annotations in.json --output out.json --persons

`--persons` alone is the document's mini subset (20 000), `--fully-visible` its subset of persons
with all six lower-body joints annotated; together with `--min-joints` and `--seed` any other.
Training with the same `Subset` on the whole file uses exactly the persons that are written here.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from python_models.data.coco_persons import lower_body, read_annotations, usable_rows
from python_models.data.subsets import JOINTS, MINI, Subset
from python_models.whole_file import whole_file


def make_subset(
    annotation_file: Path, output: Path, subset: Subset, *, overwrite: bool = False
) -> tuple[int, int]:
    """Writes the chosen persons and their images; everything else stays as it is in the file.

    The output appears when it is complete: until then there is a hidden file beside it.

    Returns:
        How many persons were chosen, and of how many with a labelled lower-body joint.

    Raises:
        FileNotFoundError: There is no annotation file.
        FileExistsError: The output exists, and `overwrite` is False.
        ValueError: The file is no COCO annotation file, the output is the same file, there are
            fewer persons than asked for, or none at all.
    """
    if output.exists():
        if annotation_file.exists() and output.samefile(annotation_file):
            raise ValueError(f"{output}: the output must be another file than the annotations")
        if not overwrite:
            raise FileExistsError(f"{output} exists; --force writes it anew")
    coco = read_annotations(annotation_file)
    rows, _ = usable_rows(coco)
    visibility = np.array([lower_body(row)[1] for row in rows]).reshape(-1, JOINTS)
    try:
        chosen = [rows[i] for i in subset.choose([row["id"] for row in rows], visibility)]
    except ValueError as error:
        raise ValueError(f"{annotation_file}: {error}") from error
    if not chosen:
        raise ValueError(f"{annotation_file}: no person fits {subset}")
    used = {row["image_id"] for row in chosen}
    content: dict[str, Any] = coco.dataset | {
        "images": [image for image in coco.dataset["images"] if image["id"] in used],
        "annotations": chosen,
    }
    with whole_file(output) as file:
        file.write_text(json.dumps(content))
    return len(chosen), int((visibility > 0).any(1).sum())


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("--annotations", type=Path, required=True, help="a person_keypoints_*.json")
    add("--output", type=Path, required=True, help="the file to write")
    add("--persons", type=int, nargs="?", const=MINI, help=f"how many; without a number {MINI}")
    add("--fully-visible", action="store_true", help="only with all six joints annotated")
    add("--min-joints", type=int, default=1, help="only with as many joints annotated")
    add("--seed", type=int, default=0, help="of the choice of --persons")
    add("--force", action="store_true", help="write over an output that exists")
    args = parser.parse_args(arguments)
    if args.persons is None and not args.fully_visible and args.min_joints == 1:
        parser.error("say what to choose: --persons, --fully-visible or --min-joints")
    try:
        subset = Subset(args.persons, args.fully_visible, args.min_joints, args.seed)
        written, all_persons = make_subset(
            args.annotations, args.output, subset, overwrite=args.force
        )
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{written} of {all_persons} persons written to {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
