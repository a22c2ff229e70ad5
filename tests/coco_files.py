"""Small data sets in COCO's layout, made for one test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LOWER_BODY = (11, 13, 15, 12, 14, 16)


def person(identifier: int, *, joints: Any = None, **fields: Any) -> dict[str, Any]:
    """An annotation row; `joints` maps a lower-body joint (0 to 5) to (x, y, v)."""
    keypoints = np.zeros((17, 3))
    for joint, values in (joints or {j: (40 + 5 * j, 60, 2) for j in range(6)}).items():
        keypoints[LOWER_BODY[joint]] = values
    return {
        "id": identifier,
        "image_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [20, 30, 60, 60],
        "area": 3600,
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "keypoints": keypoints.ravel().tolist(),
        "segmentation": [],
    } | fields


def write(
    root: Path,
    rows: list[dict[str, Any]],
    *,
    split: str = "train",
    file_name: str = "1.jpg",
    size: tuple[int, int] = (100, 120),
    images: Sequence[np.ndarray[Any, Any]] | None = None,
) -> Path:
    """Writes one random image and the rows that lie on it; returns the root.

    With `images`, these, without loss, under the ids 1, 2, ...
    """
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / f"{split}2017").mkdir(exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(root / f"{split}2017" / "1.jpg", quality=95)
    names = [file_name]
    if images is not None:
        names = [f"{number}.png" for number in range(1, len(images) + 1)]
        for name, image in zip(names, images, strict=True):
            Image.fromarray(image).save(root / f"{split}2017" / name)
    content = {
        "images": [
            {"id": i, "file_name": name, "width": size[0], "height": size[1]}
            for i, name in enumerate(names, 1)
        ],
        "annotations": rows,
        "categories": [{"id": 1, "name": "person"}],
    }
    (root / "annotations" / f"person_keypoints_{split}2017.json").write_text(json.dumps(content))
    return root
