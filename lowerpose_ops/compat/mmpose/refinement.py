"""Maxima and their refinement, as in MMPose's `post_processing.py` and `refinement.py`.

Keypoints need not be the maxima of the maps here, and the blurred maps are handed back, as in the
original: so whole maps are blurred. The codecs decode natively, where neither is needed.
"""

from __future__ import annotations

import numpy as np

from ... import _arguments as arguments
from ...arrays import decode_heatmaps
from .._checks import Array, check_array, check_writable, own_dtype
from ._blur import blur

_EPSILON = float(np.finfo(np.float32).eps)
_LONGEST_STEP = 2.0  # of what is fixed; the native operation's


def get_heatmap_maximum(heatmaps: Array, *, fixed: bool = False) -> tuple[Array, Array]:
    """Finds the first maximum of each heatmap.

    Args:
        heatmaps: [K, H, W] or [B, K, H, W], float32, float16 or float64.
        fixed: A map that holds a NaN has no maximum, and a batch may be empty.

    Returns:
        The places, [K, 2] or [B, K, 2] float32, (x, y) in heatmap pixels, (-1, -1) where the
        maximum is not positive, and that of the first NaN where there is one; and the maxima, [K]
        or [B, K], in the maps' dtype.

    Raises:
        TypeError: heatmaps are no NumPy array, or of another dtype.
        ValueError: They have another number of dimensions; the batch is empty, at which the
            original stops.

    Example:
        >>> heatmaps = np.zeros((2, 64, 48), np.float32)
        >>> heatmaps[0, 20, 10] = 0.5
        >>> locs, vals = get_heatmap_maximum(heatmaps)
        >>> locs.tolist(), vals.tolist()
        ([[10.0, 20.0], [-1.0, -1.0]], [0.5, 0.0])
    """
    name = "get_heatmap_maximum"
    check_array(name, "heatmaps", heatmaps, arguments.HEATMAP_LAYOUTS)
    if not arguments.check_flag(name, "fixed", fixed) and 0 in heatmaps.shape[:-2]:
        raise ValueError(f"{name}: heatmaps must not be empty, got {list(heatmaps.shape)}")
    locs, vals = decode_heatmaps(heatmaps, "none", preset="mmpose_msra", fixed=fixed)
    return locs, own_dtype(heatmaps, vals)


def _check(name: str, keypoints: object, heatmaps: object, fixed: object) -> None:
    check_array(name, "keypoints", keypoints, {3: "[N, K, 2]"})
    check_array(name, "heatmaps", heatmaps, {3: "[K, H, W]"})
    arguments.check_flag(name, "fixed", fixed)
    for argument, array in (("keypoints", keypoints), ("heatmaps", heatmaps)):
        if array.dtype.kind != "f":  # type: ignore[attr-defined]
            raise arguments.type_error(name, argument, "floating", array.dtype.name)  # type: ignore[attr-defined]
    check_writable(name, "keypoints", keypoints)  # type: ignore[arg-type]
    places, maps = keypoints.shape, heatmaps.shape  # type: ignore[attr-defined]
    if places[1] != maps[0] or places[2] != 2:
        raise arguments.value_error(name, "keypoints", f"[N, {maps[0]}, 2]", list(places))


def _pixels(keypoints: Array) -> tuple[Array, Array]:
    with np.errstate(invalid="ignore"):
        x, y = keypoints.astype(np.int64).transpose(2, 0, 1)
    return x, y


def refine_keypoints(keypoints: Array, heatmaps: Array, *, fixed: bool = False) -> Array:
    """Moves keypoints by a quarter pixel along each axis towards the larger neighbour.

    x is moved where 1 < x < W - 1 and y > 0, and y likewise.

    Args:
        keypoints: [N, K, 2], floating, (x, y) in heatmap pixels. They are changed in place.
        heatmaps: [K, H, W], floating.
        fixed: They are moved wherever there are two neighbours, along either axis.

    Returns:
        keypoints themselves.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit.

    Example:
        >>> heatmaps = np.zeros((1, 64, 48), np.float32)
        >>> heatmaps[0, 20, 10:12] = 1.0, 0.5
        >>> refine_keypoints(np.array([[[10.0, 20.0]]]), heatmaps).tolist()
        [[[10.25, 20.0]]]
    """
    name = "refine_keypoints"
    _check(name, keypoints, heatmaps, fixed)
    _, height, width = heatmaps.shape
    x, y = _pixels(keypoints)
    joints = np.broadcast_to(np.arange(len(heatmaps)), x.shape)
    least = 0 if fixed else 1
    along_x = (least < x) & (x < width - 1) & (y > least - 1) & (y < height)
    along_y = (least < y) & (y < height - 1) & (x > least - 1) & (x < width)
    for axis, moves in ((0, along_x), (1, along_y)):
        k, column, row = joints[moves], x[moves], y[moves]
        dx, dy = (1, 0) if axis == 0 else (0, 1)
        slope = heatmaps[k, row + dy, column + dx] - heatmaps[k, row - dy, column - dx]
        keypoints[moves, axis] += 0.25 * np.sign(slope)
    return keypoints


def _step(
    keypoints: Array,
    moves: Array,
    slopes: tuple[Array, Array],
    bends: tuple[Array, ...],
    safe: bool,
) -> None:
    """Subtracts H^-1 D from the keypoints that move."""
    (dx, dy), (dxx, dyy, dxy) = slopes, bends
    with np.errstate(all="ignore"):
        determinant = dxx * dyy - dxy**2
        step = np.stack([dyy * dx - dxy * dy, dxx * dy - dxy * dx], -1) / determinant[..., None]
        if safe:  # the bends must be those of a maximum
            step[~((dxx < 0) & (determinant > 0))] = 0
            step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        keypoints[moves] = (keypoints[moves] - step).astype(keypoints.dtype)


def refine_keypoints_dark(
    keypoints: Array, heatmaps: Array, blur_kernel_size: int, *, fixed: bool = False
) -> Array:
    """Moves keypoints by a Newton step on the logarithm of the blurred maps.

    Keypoints move where 1 < x < W - 2 and 1 < y < H - 2, however far.

    Args:
        keypoints: [N, K, 2], floating, (x, y) in heatmap pixels. They are changed in place.
        heatmaps: [K, H, W], floating. Without `fixed` the logarithms take their place.
        blur_kernel_size: Of the Gaussian blur, in pixels; odd, at least 3.
        fixed: heatmaps stay as they are; there is no step where the map has no maximum, and none
            beyond 2 pixels along an axis.

    Returns:
        keypoints themselves.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit; blur_kernel_size is another number.

    Example:
        >>> maps, _ = lp.gaussian_targets(np.array([[10.3, 20.0]]), np.ones(1), (48, 64))
        >>> refine_keypoints_dark(np.array([[[10.0, 20.0]]]), maps, 11).round(2).tolist()
        [[[10.3, 20.0]]]

    DARK: Zhang et al., "Distribution-Aware Coordinate Representation for Human Pose Estimation",
    2020.
    """
    name = "refine_keypoints_dark"
    _check(name, keypoints, heatmaps, fixed)
    logs = heatmaps.copy() if fixed else heatmaps
    blur(name, logs, blur_kernel_size)
    np.log(np.maximum(logs, 1e-10, out=logs), logs)
    _, height, width = logs.shape
    x, y = _pixels(keypoints)
    inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    k = np.broadcast_to(np.arange(len(logs)), x.shape)[inside]
    column, row = x[inside], y[inside]

    def at(right: int, down: int) -> Array:
        values: Array = logs[k, row + down, column + right]
        return values.astype(np.float64)

    slopes = 0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))
    dxx = 0.25 * (at(2, 0) - 2 * at(0, 0) + at(-2, 0))
    dyy = 0.25 * (at(0, 2) - 2 * at(0, 0) + at(0, -2))
    dxy = 0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1))
    regular = dxx * dyy - dxy**2 != 0  # NaN is regular
    moves = np.zeros(x.shape, bool)
    moves[inside] = regular
    _step(
        *(keypoints, moves),
        (slopes[0][regular], slopes[1][regular]),
        (dxx[regular], dyy[regular], dxy[regular]),
        fixed,
    )
    return keypoints


def refine_keypoints_dark_udp(
    keypoints: Array, heatmaps: Array, blur_kernel_size: int, *, fixed: bool = False
) -> Array:
    """The same with second differences over one pixel, up to the border.

    All keypoints move, however far. One index finds a keypoint in all maps together, so one at
    (-1, -1) is moved by the map before, or, for the first, the last.

    Args:
        keypoints: As for `refine_keypoints_dark`.
        heatmaps: Likewise.
        blur_kernel_size: Likewise.
        fixed: Likewise; and keypoints outside the map stay.

    Returns:
        keypoints themselves.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: A shape does not fit; blur_kernel_size is another number; without `fixed`, a
            keypoint lies so far outside that the original stops.

    Example:
        >>> maps, _ = lp.gaussian_targets(np.array([[0.3, 20.0]]), np.ones(1), (48, 64))
        >>> refine_keypoints_dark_udp(np.array([[[1.0, 20.0]]]), maps, 3, fixed=True).shape
        (1, 1, 2)

    UDP: Huang et al., "The Devil Is in the Details: Delving Into Unbiased Data Processing for Human
    Pose Estimation", 2020.
    """
    name = "refine_keypoints_dark_udp"
    _check(name, keypoints, heatmaps, fixed)
    logs = heatmaps.copy() if fixed else heatmaps
    blur(name, logs, blur_kernel_size)
    np.log(np.clip(logs, 1e-3, 50.0, out=logs), logs)
    count, height, width = logs.shape
    padded = np.pad(logs, ((0, 0), (1, 1), (1, 1)), mode="edge").reshape(-1).astype(np.float64)
    row = width + 2
    moves = np.ones(keypoints.shape[:2], bool)
    if fixed:
        x, y = _pixels(keypoints)
        moves = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        place = (x + 1 + (y + 1) * row + row * (height + 2) * np.arange(count))[moves]
    else:
        # In the keypoints' dtype, which does not hold every index: as in the original.
        index = keypoints[..., 0] + 1 + (keypoints[..., 1] + 1) * row
        index += row * (height + 2) * np.arange(count)
        if not (np.abs(index) < padded.size - row - 1).all():
            raise arguments.value_error(name, "keypoints", "on the maps", keypoints.tolist())
        place = index.astype(np.int64)[moves]

    def at(right: int, down: int) -> Array:
        values: Array = padded[place + right + down * row]  # below 0 is counted from the end
        return values

    slopes = 0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))
    dxx = at(1, 0) - 2 * at(0, 0) + at(-1, 0) + (0.0 if fixed else _EPSILON)
    dyy = at(0, 1) - 2 * at(0, 0) + at(0, -1) + (0.0 if fixed else _EPSILON)
    across = at(1, 1) + at(-1, -1) + 2 * at(0, 0)
    dxy = 0.5 * (across - at(1, 0) - at(0, 1) - at(-1, 0) - at(0, -1))
    _step(keypoints, moves, slopes, (dxx, dyy, dxy), fixed)
    return keypoints
