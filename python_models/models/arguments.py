"""What every heatmap model asks of its arguments."""

from __future__ import annotations

from torch import Tensor


def check_num_joints(model: str, num_joints: int) -> None:
    """Refuses a number of heatmaps below 1.

    Raises:
        ValueError: There would be no heatmap.
    """
    if num_joints < 1:
        raise ValueError(f"{model}: num_joints must be at least 1, got {num_joints}")


def check_images(model: str, images: Tensor, multiple: int) -> None:
    """Refuses what would not give heatmaps of exactly a quarter of the size.

    Raises:
        TypeError: The images are not floating point, so they are not normalised yet.
        ValueError: The shape is not [B, 3, H, W], or H or W is no multiple of `multiple`.
    """
    if not images.is_floating_point():
        raise TypeError(f"{model}: images must be normalised floating point, got {images.dtype}")
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] != 3 or any(n < 1 or n % multiple for n in shape[2:]):
        raise ValueError(
            f"{model}: images must be [B, 3, H, W], H and W multiples of {multiple}, got {shape}"
        )


def check_sizes(model: str, dropout: float, **sizes: int) -> None:
    """Refuses a lifter without layers, inputs or outputs, or one that drops everything.

    Raises:
        ValueError: A size is below 1, or dropout is not 0 to 1 (1 left out).
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{model}: {name} must be at least 1, got {size}")
    if not 0 <= dropout < 1:
        raise ValueError(f"{model}: dropout must be 0 or more and below 1, got {dropout}")


def check_keypoints(model: str, keypoints: Tensor, count: int) -> None:
    """Refuses what are not so many keypoints a pose.

    Raises:
        TypeError: The keypoints are not floating point.
        ValueError: The shape is not [B, count, 2].
    """
    if not keypoints.is_floating_point():
        raise TypeError(f"{model}: keypoints must be floating point, got {keypoints.dtype}")
    shape = tuple(keypoints.shape)
    if len(shape) != 3 or shape[1:] != (count, 2):
        raise ValueError(f"{model}: keypoints must be [B, {count}, 2], got {shape}")
