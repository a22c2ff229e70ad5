"""What several test files of gaussian_targets draw."""

from __future__ import annotations

from lowerpose_ops import presets

SIZE = (48, 64)  # (W, H)
# (preset, fixed)
EVERY_PRESET = [
    *((preset, False) for preset in presets.TARGETS),
    *((preset, True) for preset in presets.FIXED_TARGETS),
]
# Not positive and finite, or too large for its 3 sigma to be.
BAD_SIGMAS = [0.0, -0.0, -2.0, float("nan"), float("inf"), float("-inf"), 1e308]


def random_people(rng, batch, instances, num_joints, size=SIZE):
    """Joints [B, N, K, 2] on and about the map, and their visibilities [B, N, K]."""
    joints = rng.uniform(-0.25, 1.25, (batch, instances, num_joints, 2)) * size
    return joints.astype("float32"), rng.choice([0, 0.25, 0.5, 1, 2], joints.shape[:3])
