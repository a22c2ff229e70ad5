"""The way back to the image against the loop in use."""

from __future__ import annotations

import numpy as np
import pytest

import lowerpose_ops as lp
from benchmarks import sizes
from benchmarks.packages import needs
from benchmarks.protocol import size_of

SIZE = (48, 64)


def points_one_by_one(cv2, coords, center, scale):
    """HRNet's way: three points and a matrix an image, a product a joint."""
    image = np.zeros_like(coords)
    corners = np.array([[0, 0], [0, -0.5], [-0.5, -0.5]])
    target = (np.array(SIZE) / 2 + SIZE[0] * corners).astype(np.float32)
    for sample in range(len(coords)):
        source = (center[sample] + 200 * scale[sample, 0] * corners).astype(np.float32)
        matrix = cv2.getAffineTransform(target, source)
        for joint in range(coords.shape[1]):
            image[sample, joint] = matrix @ np.array([*coords[sample, joint], 1.0])
    return image


def numpy_at_once(coords, center, scale):
    step = 200 * scale[:, None, :1] / SIZE[0]
    return (coords - np.array(SIZE) / 2) * step + center[:, None]


@pytest.mark.parametrize("size", [sizes.LOWER_BODY, sizes.COCO], ids=str)
def test_to_image(compare, size):
    """In pixels of an image; OpenCV's points are float32."""
    cv2 = needs("cv2", "opencv-python-headless")
    rng = np.random.default_rng(0)
    coords = rng.uniform(0, 48, (size.batch, size.joints, 2)).astype(np.float32)
    center = rng.uniform(100, 500, (size.batch, 2))
    scale = rng.uniform(0.5, 2, (size.batch, 2))

    def ours():
        return lp.to_image(coords, center, scale, SIZE, pixel_std=200.0, scale_axes="x_only")

    moved = size_of(coords, center, scale, ours())
    compare("to_image", size=size, moved=moved, same=(0, 1e-3))(
        ours,
        {
            "OpenCV's matrix, point by point": lambda: points_one_by_one(
                cv2, coords, center, scale
            ),
            "NumPy, all at once": lambda: numpy_at_once(coords, center, scale),
        },
    )
