"""Names in what is analysed are text: no HTML, and no files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests import squat_keypoints as squats
from tests.analyse_runs import (
    files,
    page,
    run,
    write_pictures,
)

pytestmark = pytest.mark.usefixtures("quick_charts")

NASTY = "<img src=x onerror=alert(1)>\"'&amp;{x}$title"


def test_names_are_text_and_no_html(tmp_path, finder):
    folder = write_pictures(tmp_path / NASTY, 2, names=f"{{}} {NASTY.replace('{x}', '')}.png")
    assert run(folder, tmp_path / "out", "--checkpoint", "best.pt") == 0
    tags = page(tmp_path / "out")
    assert f"Squat: {NASTY}" in tags.text
    assert all(attributes.get("src") != "x" for _, attributes in tags.found)


def test_names_in_a_keypoint_file_name_no_file(tmp_path):
    _, pixels, _ = squats.squats()
    names = ["../../../escaped.png", NASTY]
    table = np.concatenate([pixels[:2], np.full((2, 17, 1), 0.9)], 2)
    rows = [{"image_id": n, "keypoints": t.ravel().tolist()} for n, t in enumerate(table)]
    images = [{"id": n, "file_name": name} for n, name in enumerate(names)]
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    (folder / "images.json").write_text(json.dumps({"images": images}))
    (folder / "x.json").write_text(json.dumps(rows))
    assert run(folder / "x.json", folder / "out") == 0
    assert files(folder / "out" / "overlays") == ["000000.png", "000001.png"]
    assert not list(tmp_path.rglob("escaped*"))
    text = page(folder / "out").text
    assert all(name in text for name in names)
