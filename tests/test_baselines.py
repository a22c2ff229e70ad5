from __future__ import annotations

from python_models.data.coco_lower_body import CocoLowerBody
from python_models.heatmap_task import HeatmapTask
from python_models.training.baselines import mean_pose_pck
from tests import coco_files


def data(root, left_hips, split):
    """Persons with a left hip at the given x, in a box that is the image."""
    rows = [
        coco_files.person(i, joints={0: (x, 50, v)}, bbox=[0, 0, 96, 128])
        for i, (x, v) in enumerate(left_hips, 1)
    ]
    return CocoLowerBody.from_root(coco_files.write(root, rows, split=split), split)


def test_the_mean_is_over_the_visible_joints_of_train(tmp_path):
    """Twice the size: the mean hip is at x = 40 in the image, 12.8 input pixels are 6.4 there."""
    train = data(tmp_path, [(30, 2), (50, 1), (999, 0)], "train")
    val = data(tmp_path, [(34, 2), (46, 2), (48, 2), (60, 2), (40, 0)], "val")
    assert mean_pose_pck(train, val, HeatmapTask()) == {0.05: 2 / 4, 0.1: 3 / 4}
