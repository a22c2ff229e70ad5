"""The covariances of joints in image pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from python_models.decoding import Decoding
from python_models.heatmap_task import HeatmapTask
from python_models.prediction.predictor import BoxSizeError, Predictor
from python_models.trained import Trained

INPUT = (48, 64)
FOUND = [1, 2, 4, 5]


class Blobs(nn.Module):
    """The same Gaussian for all joints, a little noisy, wider than high; the hips' are flat."""

    def forward(self, images):
        y, x = torch.meshgrid(torch.arange(16.0), torch.arange(12.0), indexing="ij")
        one = torch.exp(-((x - 5.3) ** 2) / 8 - (y - 7.6) ** 2 / 6)
        one = one + 0.01 * torch.sin(7 * x + 3 * y)
        maps = one.expand(len(images), 6, 16, 12).clone()
        maps[:, [0, 3]] = 0.5
        return maps


def predictor(refine="dark", *, flip=False):
    model = Trained(Blobs(), HeatmapTask(input_size=INPUT, sigma=1.5), {})
    return Predictor(model, Decoding(refine, flip), torch.device("cpu"))


IMAGE = np.zeros((200, 200, 3), np.uint8)


@pytest.mark.parametrize("flip", [False, True])
def test_the_joints_are_the_same(flip):
    find = predictor(flip=flip)
    joints, maxima, covariances = find.with_covariance(IMAGE, (20, 10, 96, 128))
    (same,), (scores,) = find(IMAGE, [(20, 10, 96, 128)])
    assert np.array_equal(joints, same)
    assert np.array_equal(maxima, scores)
    assert np.isnan(covariances[[0, 3]]).all()  # a flat map takes no step
    assert np.isfinite(covariances[FOUND]).all()
    assert (np.linalg.eigvalsh(covariances[FOUND]) > 0).all()


def test_they_are_in_square_pixels_of_the_image():
    """A box of three times the size is seen at a third of the scale."""
    find = predictor()
    _, _, small = find.with_covariance(IMAGE, (20, 10, 48, 64))
    _, _, large = find.with_covariance(IMAGE, (20, 10, 144, 192))
    # float32 maps, the same for both.
    assert np.allclose(large[FOUND], 9 * small[FOUND], rtol=1e-6)
    assert small[1, 0, 0] > small[1, 1, 1]  # the wider side of the Gaussian


def test_other_decodings_have_none():
    joints, _, covariances = predictor("quarter").with_covariance(IMAGE, (20, 10, 96, 128))
    assert np.isfinite(joints).all()
    assert np.isnan(covariances).all()


def test_a_box_that_is_too_large():
    with pytest.raises(BoxSizeError):
        predictor().with_covariance(IMAGE, (-1e6, -1e6, 1e6, 1e6))
