"""From heatmap pixels back to the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ._kinds import is_numpy

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]


@overload
def to_image(
    coords: Array,
    center: Array | None = ...,
    scale: Array | None = ...,
    heatmap_size: tuple[int, int] | None = ...,
    convention: Literal["corner", "udp", "half_pixel"] = ...,
    *,
    matrix: Array | None = ...,
    pixel_std: float = ...,
    scale_axes: Literal["xy", "x_only"] = ...,
) -> Array: ...
@overload
def to_image(
    coords: torch.Tensor,
    center: torch.Tensor | None = ...,
    scale: torch.Tensor | None = ...,
    heatmap_size: tuple[int, int] | None = ...,
    convention: Literal["corner", "udp", "half_pixel"] = ...,
    *,
    matrix: torch.Tensor | None = ...,
    pixel_std: float = ...,
    scale_axes: Literal["xy", "x_only"] = ...,
) -> torch.Tensor: ...
def to_image(
    coords: Any,
    center: Any = None,
    scale: Any = None,
    heatmap_size: tuple[int, int] | None = None,
    convention: Literal["corner", "udp", "half_pixel"] = "corner",
    *,
    matrix: Any = None,
    pixel_std: float = 1.0,
    scale_axes: Literal["xy", "x_only"] = "xy",
) -> Any:
    """Takes coordinates from heatmap pixels to the pixels of the image that the box was cut from.

    With the box's centre c and its size S = scale * pixel_std, along each axis:

    - "corner": x * S / W + c - S / 2
    - "udp": x * S / (W - 1) + c - S / 2
    - "half_pixel": (x + 0.5) * S / W + c - S / 2

    and with a matrix: matrix @ (x, y, 1). Give center, scale and heatmap_size, or a matrix.

    Args:
        coords: [B, K, 2] or [K, 2], (x, y) in heatmap pixels, pixel centres at integers; float32,
            float16, bfloat16 or float64. What is not finite passes through.
        center: [B, 2], or [2] for coords without B: the middle of the box, (x, y) in image pixels.
            A number type; likewise below.
        scale: [B, 2], (width, height) of the box, or [B] for squares; without B [2], or an array of
            one number. In image pixels, or in pixel_std of them.
        heatmap_size: (W, H), as in HRNet and MMPose.
        convention: Where the box lies on the heatmap: "corner", "udp" or "half_pixel".
        matrix: [2, 3], or [B, 2, 3]: an affine map from heatmap to image, with rotation or any
            other. It takes the place of all other arguments.
        pixel_std: The unit of scale in image pixels: 200 for HRNet's and SimpleBaseline's.
        scale_axes: "xy", or "x_only": a pixel's step along x is taken along both axes, and the box
            as high as that makes it, as in HRNet, where the height in scale is not read.

    Returns:
        The coordinates in image pixels, of the same shape: float64 for float64 coords, else
        float32. Arithmetic is in double. A gradient flows to coords; tensors for the others that
        require one are refused.

    Raises:
        TypeError: An argument is of another type, or coords are no floating type.
        ValueError: Shapes differ; both ways are given, or neither; a word is unknown; under "udp"
            the heatmap has a single row or column; pixel_std is not positive.

    Example:
        >>> coords = np.array([[[12.0, 16.0], [24.0, 32.0]]], np.float32)
        >>> center, scale = np.array([[100.0, 200.0]]), np.array([[96.0, 128.0]])
        >>> to_image(coords, center, scale, heatmap_size=(48, 64))[0].tolist()
        [[76.0, 168.0], [100.0, 200.0]]

    "corner" is the transform of HRNet, SimpleBaseline (with "x_only") and MMPose, "udp" that of
    UDP-Pose and MMPose's UDP, "half_pixel" that of torchvision's and Detectron2's keypoint heads.
    """
    if is_numpy("to_image", "coords", coords):
        from ..arrays import to_image as move_arrays

        move: Any = move_arrays
    else:
        from ..ops.to_image import to_image as move_tensors

        move = move_tensors
    box = center, scale, heatmap_size, convention
    return move(coords, *box, matrix=matrix, pixel_std=pixel_std, scale_axes=scale_axes)
