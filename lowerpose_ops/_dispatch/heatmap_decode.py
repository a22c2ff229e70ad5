"""Joint coordinates from heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ._kinds import is_numpy

if TYPE_CHECKING:
    import torch

    Array = np.ndarray[Any, Any]

_Refine = Literal["none", "quarter", "gradient", "parabola", "log_parabola", "dark", "dark_udp"]
_Border = Literal["both_axes", "per_axis_mm", "full_interior", "clamp"]


@overload
def decode_heatmaps(
    heatmaps: Array,
    refine: _Refine = ...,
    *,
    preset: str | None = ...,
    fixed: bool = ...,
    border: _Border | None = ...,
    blur_kernel: int | None = ...,
    covariance: Literal[False] = ...,
    flipped: Array | None = ...,
    flip_pairs: Sequence[Sequence[int]] | None = ...,
    shift: bool = ...,
) -> tuple[Array, Array]: ...
@overload
def decode_heatmaps(
    heatmaps: Array,
    refine: _Refine = ...,
    *,
    covariance: Literal[True],
    blur_kernel: int | None = ...,
    flipped: Array | None = ...,
    flip_pairs: Sequence[Sequence[int]] | None = ...,
    shift: bool = ...,
) -> tuple[Array, Array, Array]: ...
@overload
def decode_heatmaps(
    heatmaps: torch.Tensor,
    refine: _Refine = ...,
    *,
    preset: str | None = ...,
    fixed: bool = ...,
    border: _Border | None = ...,
    blur_kernel: int | None = ...,
    covariance: Literal[False] = ...,
    flipped: torch.Tensor | None = ...,
    flip_pairs: Sequence[Sequence[int]] | None = ...,
    shift: bool = ...,
) -> tuple[torch.Tensor, torch.Tensor]: ...
@overload
def decode_heatmaps(
    heatmaps: torch.Tensor,
    refine: _Refine = ...,
    *,
    covariance: Literal[True],
    blur_kernel: int | None = ...,
    flipped: torch.Tensor | None = ...,
    flip_pairs: Sequence[Sequence[int]] | None = ...,
    shift: bool = ...,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]: ...
def decode_heatmaps(
    heatmaps: Any,
    refine: str = "quarter",
    *,
    preset: str | None = None,
    fixed: bool = False,
    border: str | None = None,
    blur_kernel: int | None = None,
    covariance: bool = False,
    flipped: Any = None,
    flip_pairs: Sequence[Sequence[int]] | None = None,
    shift: bool = False,
) -> tuple[Any, ...]:
    """Finds the joint in each heatmap: its first maximum in row-major order, refined.

    The refinements of the maximum's pixel; docs/decode_accuracy.md has their accuracy:

    - "none": the pixel.
    - "quarter": 0.25 along each axis towards the larger neighbour, 0 between equal ones.
    - "gradient": 0.25 along the gradient, (right - left, down - up) over its length.
    - "parabola": the top of the parabola through three pixels, along each axis.
    - "log_parabola": the same on the logarithms, where the neighbours are positive.
    - "dark": the map is blurred, and a Newton step is taken on its logarithm, with second
      differences over 2 pixels; where 1 < x < W - 2 and 1 < y < H - 2.
    - "dark_udp": the same with second differences over 1 pixel, up to the border.

    Without a preset the Newton step is not taken where the map has no maximum, and is at most 2
    pixels along an axis. Only the pixels about the maximum are blurred. A map that holds a NaN has
    no maximum: its score and its coordinates are NaN. Nothing else makes a joint invalid; judge
    low scores yourself.

    A preset gives another project's decoding, its bugs included, in heatmap pixels: "hrnet",
    "mmpose_msra", "mmpose_dark", "mmpose_udp", "udp_original" (UDP-Pose), "vitpose_hf"
    (transformers), "hourglass". A joint whose map has no positive value is at (0, 0) there
    (HRNet, UDP-Pose) or (-1, -1) (MMPose, transformers), and may be moved from there. `fixed` gives
    what the authors meant: all maxima with neighbours move, invalid joints do not, no step is
    unbounded.

    Args:
        heatmaps: [B, K, H, W] or [K, H, W], float32, float16, bfloat16 or float64, of any strides:
            contiguous and channels_last maps are read in place. No gradient flows through.
        refine: See above. With a preset: "none", or left to the preset, whose refinement the
            default word "quarter" then stands for.
        preset: See above.
        fixed: Without the bugs of the preset's project.
        border: Which maxima move, for what looks at neighbours alone: "both_axes", only if 1 < x <
            W - 1 and 1 < y < H - 1 (HRNet's, and the default of "quarter"); "per_axis_mm", x if
            1 < x < W - 1 and y > 0, y likewise (MMPose's); "full_interior", along each axis with
            two neighbours (the default of the others); "clamp", all: beyond the border stands the
            maximum itself.
        blur_kernel: Pixels of the blur of "dark" and "dark_udp", odd, at most 33. 11, the default,
            is for Gaussians of sigma 2, and 17 for sigma 3. Its sigma is OpenCV's.
        covariance: Also returns how exact the coordinates are; for "dark" without a preset.
        flipped: The heatmaps of the mirrored images, as `heatmaps`. What is decoded is then
            `flip_merge(heatmaps, flipped, flip_pairs, shift)`, neither stored nor rounded to 16
            bits.
        flip_pairs: Pairs of joints that exchange places in a mirror, such as LOWER_BODY_FLIP_PAIRS.
        shift: As of `flip_merge`.

    Returns:
        The coordinates, [B, K, 2] or [K, 2], float32, (x, y) in heatmap pixels, pixel centres at
        integers; and the scores, [B, K] or [K], float32: each map's maximum. With `covariance` also
        [B, K, 2, 2] or [K, 2, 2], float32, in square pixels: how white noise in the map moves the
        step, to first order. The noise is what the Gaussian that fits the curvature leaves
        unexplained. Its ellipses hold as many joints as they should whatever the map's sigma and
        blur_kernel; a blur_kernel that fits makes them smallest. It is NaN where no step was taken.
        Many pixels off a Gaussian's shape make it large: then do not trust the joint.

    Raises:
        TypeError: heatmaps are of another type or dtype, or an option is.
        ValueError: They have another number of dimensions or no pixels; a word is unknown; options
            do not go together.

    Example:
        >>> heatmaps = np.zeros((1, 6, 64, 48), np.float32)
        >>> heatmaps[0, 0, 20, 10:12] = 1.0, 0.5
        >>> coords, scores = decode_heatmaps(heatmaps)
        >>> coords[0, 0].tolist(), float(scores[0, 0])
        ([10.25, 20.0], 1.0)

    The quarter offset is that of HRNet and SimpleBaseline. DARK: Zhang et al.,
    "Distribution-Aware Coordinate Representation for Human Pose Estimation", 2020. UDP: Huang et
    al., "The Devil Is in the Details: Delving Into Unbiased Data Processing for Human Pose
    Estimation", 2020.
    """
    options = {
        "preset": preset,
        "fixed": fixed,
        "border": border,
        "blur_kernel": blur_kernel,
        "covariance": covariance,
        "flipped": flipped,
        "flip_pairs": flip_pairs,
        "shift": shift,
    }
    if is_numpy("decode_heatmaps", "heatmaps", heatmaps):
        from ..arrays.heatmap_decode import decode_heatmaps as decode_arrays

        return decode_arrays(heatmaps, refine, **options)
    from ..ops.heatmap_decode import decode_heatmaps as decode_tensors

    return decode_tensors(heatmaps, refine, **options)
