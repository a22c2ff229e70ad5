"""docs/evaluate_hrnet.py: the same numbers with one import line changed."""

from __future__ import annotations

import re
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO
from torch import nn

from tests import compat_hrnet_transcriptions as transcriptions

SCRIPT = Path(__file__).parent.parent / "docs" / "evaluate_hrnet.py"
PAIRS = [(2 * i + 1, 2 * i + 2) for i in range(8)]  # COCO's: left before right, after the nose
SIZE, INPUT = np.array([48, 64]), np.array([192, 256])


def run(source):
    module = types.ModuleType("evaluate_hrnet")
    exec(compile(source, str(SCRIPT), "exec"), vars(module))
    return module


def original():
    """The script with the import line that it had before."""
    line = r"from lowerpose_ops\.compat\.hrnet import"
    source = SCRIPT.read_text()
    assert len(re.findall("^ *(from|import) lowerpose_ops", source, re.MULTILINE)) == 1
    return run(re.sub(line, "from tests.compat_hrnet_transcriptions import", source))


class Persons(torch.utils.data.Dataset):
    """Pictures of persons who face us: a channel for the nose and one for each pair of joints."""

    flip_pairs = PAIRS

    def __init__(self, count=24):
        rng = np.random.default_rng(0)
        self.noise = rng.normal(0, 0.05, (count, 9, *INPUT[::-1])).astype(np.float32)
        self.hidden = rng.random((2 * count, 17)) < 0.15  # in the picture, though labelled
        self.samples, annotations = [], []
        for i in range(count):
            center = rng.uniform(150, 400, 2)
            scale = rng.uniform(0.4, 1.5) * np.array([0.75, 1.0])  # of 200 pixels
            joints = rng.uniform(-0.42, 0.42, (17, 2)) * 200 * scale + center
            for left, right in PAIRS:  # our right is their left
                if joints[left, 0] < joints[right, 0]:
                    joints[[left, right]] = joints[[right, left]]
            visible = (rng.random(17) < 0.85).astype(int) * 2
            image_id = i // 3
            shown = np.concatenate([joints, visible[:, None]], 1) * (visible > 0)[:, None]
            area = float(np.prod(scale * 200) * 0.6)
            annotation = {
                "id": i + 1,
                "image_id": image_id,
                "category_id": 1,
                "iscrowd": 0,
                "area": area,
                "num_keypoints": int((visible > 0).sum()),
                "keypoints": shown.flatten().tolist(),
                "bbox": [*(center - 100 * scale), *(200 * scale)],
            }
            annotations.append(annotation)
            self.samples.append((joints, visible, center, scale, image_id))
        # Everybody is found twice, a little beside, as detectors do.
        self.samples += [(j, v, c + 3, s * 1.02, i) for j, v, c, s, i in self.samples]
        self.coco = COCO()
        self.coco.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(count // 3)],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": annotations,
        }
        self.coco.createIndex()

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        joints, visible, center, scale, image_id = self.samples[i]
        places = (joints - center) / (200 * scale) * INPUT + INPUT / 2
        x, y = np.arange(INPUT[0]), np.arange(INPUT[1])[:, None]
        blobs = [
            np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 8**2)) * (v > 0 and not hidden)
            for (px, py), v, hidden in zip(places, visible, self.hidden[i], strict=True)
        ]
        image = self.noise[i % len(self.noise)].copy()
        image[0] += blobs[0]
        for channel, (left, right) in enumerate(PAIRS):
            image[channel + 1] += np.maximum(blobs[left], blobs[right])
        data = types.SimpleNamespace(
            num_joints=17,
            image_size=INPUT,
            heatmap_size=SIZE,
            sigma=2,
            use_different_joints_weight=False,
        )
        seen = np.repeat((visible > 0)[:, None].astype(float), 3, 1)
        target, weight = transcriptions.generate_target(data, places, seen)
        meta = {"center": center, "scale": scale, "image_id": image_id, "score": 1 - i / 100}
        return torch.from_numpy(image), torch.from_numpy(target), torch.from_numpy(weight), meta


class Facing(nn.Module):
    """Of a pair's two blobs the one further to our right is their left joint."""

    def forward(self, images):
        maps = nn.functional.avg_pool2d(images, 4)
        ramp = torch.linspace(0.1, 1, maps.shape[3])
        joints = [maps[:, :1]]
        for channel in range(1, 9):
            joints += [maps[:, channel : channel + 1] * side for side in (ramp, ramp.flip(0))]
        return [maps, torch.cat(joints, 1)]


@pytest.mark.parametrize("flip_test", [True, False])
def test_the_script_gives_the_same_with_one_line_changed(flip_test, capsys):
    config = types.SimpleNamespace(
        MODEL=types.SimpleNamespace(NUM_JOINTS=17),
        LOSS=types.SimpleNamespace(USE_TARGET_WEIGHT=True),
        TEST=types.SimpleNamespace(
            FLIP_TEST=flip_test,
            SHIFT_HEATMAP=True,
            POST_PROCESS=True,
            IN_VIS_THRE=0.2,
            OKS_THRE=0.9,
        ),
    )
    dataset = Persons()
    loader = torch.utils.data.DataLoader(dataset, batch_size=7)
    ours, plain = (
        script.validate(config, loader, dataset, Facing())
        for script in (run(SCRIPT.read_text()), original())
    )
    assert ours[0] == pytest.approx(plain[0], rel=1e-6)
    assert ours[1] == plain[1]
    assert 0.5 < ours[1] < 1
    # Places differ by 1e-4 pixels, from OpenCV's matrices, and similarities by as little.
    np.testing.assert_allclose(ours[2], plain[2], rtol=0, atol=1e-6)
    assert 0.1 < ours[2][0] < 0.999
