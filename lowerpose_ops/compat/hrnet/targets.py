"""Target heatmaps, as HRNet's `dataset/JointsDataset.py` draws them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import _arguments as arguments
from ...arrays import gaussian_targets
from .._checks import Array, as_array, check_has, width_height


def generate_target(
    dataset: Any, joints: Array, joints_vis: Array, *, fixed: bool = False
) -> tuple[Array, Array]:
    """Draws a person's target heatmaps; a method for `JointsDataset` and its like.

    `JointsDataset.generate_target = generate_target` puts it in the original's place.

    Args:
        dataset: Anything with num_joints, image_size and heatmap_size (both (W, H)), sigma,
            target_type ("gaussian") and, where use_different_joints_weight is true, joints_weight.
        joints: [J, 2 or more], (x, y) first, in pixels of the network's input.
        joints_vis: [J, 1 or more]; a joint is drawn where the first column is more than 0.5.
        fixed: The window is |i - c| <= 3 sigma about c = floor(x + 0.5), for every sigma, and a
            joint has weight 0 where the window holds no pixel of the map.

    Returns:
        The maps, [J, H, W], and the weights, [J, 1], both float32.

    Raises:
        TypeError: An argument is of another type.
        ValueError: A shape does not fit; target_type is another word; without `fixed`, a joint is
            not finite, with which the original stops.

    Example:
        >>> from types import SimpleNamespace
        >>> dataset = SimpleNamespace(
        ...     num_joints=1, image_size=np.array([192, 256]), heatmap_size=np.array([48, 64]),
        ...     sigma=2, target_type="gaussian", use_different_joints_weight=False,
        ... )
        >>> target, weight = generate_target(dataset, np.array([[40.0, 80.0, 0]]), np.ones((1, 3)))
        >>> float(target[0, 20, 10]), weight.tolist()
        (1.0, [[1.0]])
    """
    name = "generate_target"
    fields = "num_joints", "image_size", "heatmap_size", "sigma", "target_type"
    check_has(name, "dataset", dataset, *fields)
    arguments.choice(name, "dataset.target_type", dataset.target_type, ("gaussian",))
    arguments.check_flag(name, "fixed", fixed)
    joints = as_array(name, "joints", joints, {2: "[J, 2 or more]"})
    joints_vis = as_array(name, "joints_vis", joints_vis, {2: "[J, 1 or more]"})
    count = arguments.count(name, "dataset.num_joints", dataset.num_joints)
    for argument, array, columns in (("joints", joints, 2), ("joints_vis", joints_vis, 1)):
        if len(array) < count or array.shape[1] < columns:
            expected = f"[{count}, {columns} or more]"
            raise arguments.value_error(name, argument, expected, list(array.shape))
    image_size = width_height(name, "dataset.image_size", dataset.image_size)
    size = width_height(name, "dataset.heatmap_size", dataset.heatmap_size)
    places = joints[:count, :2] / np.divide(image_size, size)
    if not fixed and not np.isfinite(places).all():
        raise ValueError(f"{name}: joints must be finite")
    target, weights = gaussian_targets(
        places, joints_vis[:count, 0], size, dataset.sigma, preset="hrnet", fixed=fixed
    )
    own_weights = getattr(dataset, "use_different_joints_weight", False)
    if arguments.check_flag(name, "dataset.use_different_joints_weight", own_weights):
        check_has(name, "dataset", dataset, "joints_weight")
        weights = np.multiply(weights, dataset.joints_weight)
    return target, weights
