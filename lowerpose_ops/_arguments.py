"""Checks of arguments that are not arrays, and what both faces do to arrays before native code.

Shapes, dtypes and devices of arrays are checked by the native front doors.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

_LARGEST_FLOAT = sys.float_info.max
LARGEST_SIZE = 2**20  # of what is counted on the host: pixels of a side, joints, taps of a blur
HEATMAP_LAYOUTS = {3: "[K, H, W]", 4: "[B, K, H, W]"}


def type_error(operation: str, argument: str, expected: str, got: object) -> TypeError:
    """A refusal that names the type of what was given."""
    return TypeError(f"{operation}: {argument} must be {expected}, got {type(got).__name__}")


def value_error(operation: str, argument: str, expected: str, got: object) -> ValueError:
    """A refusal that shows what was given."""
    return ValueError(f"{operation}: {argument} must be {expected}, got {got!r}")


def number(operation: str, argument: str, value: object, expected: str = "a number") -> float:
    """A finite host number as float."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise type_error(operation, argument, expected, value)
    if isinstance(value, np.floating):
        value = float(value)  # or the limits would become infinite in the comparison
    # Comparisons, which torch.compile can trace where the number varies; math.isfinite it cannot.
    if not -_LARGEST_FLOAT <= value <= _LARGEST_FLOAT:
        raise value_error(operation, argument, "finite", value)
    return float(value)


def integer(operation: str, argument: str, value: object, expected: str = "an integer") -> int:
    """A host number without a fraction, and not True or False."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise type_error(operation, argument, expected, value)
    return int(value)


def thresholds(operation: str, argument: str, values: object) -> list[float]:
    """One finite number of at least 0, or a sequence of them, as a list."""
    if isinstance(values, (int, float, np.integer, np.floating)):
        values = [values]
    elif isinstance(values, np.ndarray) and values.ndim == 1:
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise type_error(operation, argument, "a number or a sequence of numbers", values)
    limits = [number(operation, argument, value) for value in values]
    for limit in limits:
        if limit < 0:
            raise value_error(operation, argument, "not negative", limit)
    return limits


def heatmap_size(operation: str, value: object) -> tuple[int, int]:
    """(W, H), both positive."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise value_error(operation, "heatmap_size", "(W, H)", value)
    for size in value:
        # While torch traces a function, a size of a tensor may be a SymInt.
        if isinstance(size, bool) or not (
            isinstance(size, (int, np.integer)) or type(size).__name__ == "SymInt"
        ):
            raise type_error(operation, "heatmap_size", "two integers (W, H)", size)
        if not 1 <= size <= LARGEST_SIZE:
            raise value_error(
                operation, "heatmap_size", f"two integers (W, H) from 1 to {LARGEST_SIZE}", value
            )
    width, height = (int(size) if isinstance(size, np.integer) else size for size in value)
    return width, height


def index_pairs(operation: str, argument: str, values: object) -> list[int]:
    """Pairs of indices, one behind the other. Native code knows which indices there are."""
    expected = "pairs of joint indices"
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, (list, tuple)):
        raise type_error(operation, argument, expected, values)
    indices: list[int] = []
    for pair in values:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise value_error(operation, argument, expected, values)
        for index in pair:
            index = integer(operation, argument, index, expected)
            if not 0 <= index < LARGEST_SIZE:
                raise value_error(operation, argument, expected, values)
            indices.append(index)
    return indices


def count(operation: str, argument: str, value: object) -> int:
    """How many there are of something on the host."""
    number = integer(operation, argument, value)
    if not 0 <= number <= LARGEST_SIZE:
        raise value_error(operation, argument, f"from 0 to {LARGEST_SIZE}", value)
    return number


def check_flag(operation: str, argument: str, value: object) -> bool:
    """True or False itself, and no number that could be meant as one."""
    if not isinstance(value, bool):
        raise type_error(operation, argument, "True or False", value)
    return value


def decode_options(
    operation: str,
    heatmaps: Any,
    refine: str,
    preset: str | None,
    fixed: bool,
    border: str | None,
    blur_kernel: int | None,
    covariance: bool,
) -> tuple[str, str | None, bool, str | None, int | None, bool]:
    """The options of a decoding, which `decode_presets.decoding` understands if they fit."""
    check_ndim(operation, "heatmaps", heatmaps, HEATMAP_LAYOUTS)
    return decode_choice(operation, refine, preset, fixed, border, blur_kernel, covariance)


def decode_choice(
    operation: str,
    refine: str,
    preset: str | None,
    fixed: bool,
    border: str | None,
    blur_kernel: int | None,
    covariance: bool,
) -> tuple[str, str | None, bool, str | None, int | None, bool]:
    """The same without the heatmaps."""
    for argument, word in (("refine", refine), ("preset", preset), ("border", border)):
        if not isinstance(word, str) and (word is not None or argument == "refine"):
            raise type_error(operation, argument, "a word", word)
    check_flag(operation, "fixed", fixed)
    check_flag(operation, "covariance", covariance)
    if blur_kernel is not None:
        blur_kernel = integer(operation, "blur_kernel", blur_kernel, "an integer or None")
        if not 0 < blur_kernel < LARGEST_SIZE:
            raise value_error(operation, "blur_kernel", "positive", blur_kernel)
    return refine, preset, fixed, border, blur_kernel, covariance


def flip_options(
    operation: str, heatmaps: Any, flipped: Any, flip_pairs: object, shift: object
) -> list[int]:
    """The flat list of the pairs, empty without flipped maps."""
    check_flag(operation, "shift", shift)
    if flipped is None:
        if flip_pairs is not None or shift:
            given = "flip_pairs" if flip_pairs is not None else "shift"
            raise ValueError(f"{operation}: flipped must be heatmaps with {given}, got None")
        return []
    check_ndim(operation, "flipped", flipped, {heatmaps.ndim: HEATMAP_LAYOUTS[heatmaps.ndim]})
    if flip_pairs is None:
        raise ValueError(f"{operation}: flip_pairs must be given with flipped, got None")
    return index_pairs(operation, "flip_pairs", flip_pairs)


def choice(operation: str, argument: str, value: object, allowed: Collection[str]) -> None:
    """Refuses a value that is not one of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        raise value_error(operation, argument, " or ".join(map(repr, sorted(allowed))), value)


def check_ndim(operation: str, argument: str, array: Any, layouts: dict[int, str]) -> None:
    """Refuses an array with other numbers of dimensions than `layouts`, which tells them."""
    if array.ndim not in layouts:
        expected = " or ".join(layouts.values())
        raise value_error(operation, argument, expected, list(array.shape))


def check_joints(operation: str, joints: Any, instance_weights: object) -> None:
    """Refuses joints with other dimensions, and weights of instances where there are none."""
    check_flag(operation, "instance_weights", instance_weights)
    if instance_weights:
        check_ndim(operation, "joints", joints, {4: "[B, N, K, 2] where instance_weights=True"})
    check_ndim(operation, "joints", joints, {2: "[K, 2]", 3: "[B, K, 2]", 4: "[B, N, K, 2]"})


def threads() -> int:
    """How many threads torch was told to use; 0, OpenMP's default, where torch is not in use."""
    # Another thread may be importing torch at this moment: then it has not said anything yet.
    told = getattr(sys.modules.get("torch"), "get_num_threads", None)
    return int(told()) if told is not None else 0


# What to_image takes for coords [K, 2], without a batch.
ONE_BOX = {"center": {1: "[2]"}, "scale": {0: "one number", 1: "[2]"}, "matrix": {2: "[2, 3]"}}


def box_or_matrix(
    operation: str,
    center: object,
    scale: object,
    size: object,
    convention: str,
    matrix: object,
    pixel_std: object,
    scale_axes: str,
) -> tuple[int, int, str, float, str]:
    """Refuses anything but one of two ways: a box with a heatmap size, or a matrix."""
    box = {"center": center, "scale": scale, "heatmap_size": size}
    words = image_options(operation, box, convention, matrix, pixel_std, scale_axes)
    width, height = heatmap_size(operation, size) if matrix is None else (0, 0)
    return width, height, *words


def image_options(
    operation: str,
    box: dict[str, object],
    convention: str,
    matrix: object,
    pixel_std: object,
    scale_axes: str,
) -> tuple[str, float, str]:
    """Refuses a box that lacks something, and a matrix beside it; returns what is no array."""
    choice(operation, "convention", convention, ("corner", "udp", "half_pixel"))
    choice(operation, "scale_axes", scale_axes, ("xy", "x_only"))
    pixels = number(operation, "pixel_std", pixel_std)
    if pixels <= 0:
        raise value_error(operation, "pixel_std", "positive", pixel_std)
    if matrix is None:
        for name, value in box.items():
            if value is None:
                raise value_error(operation, name, "given where there is no matrix", None)
        return convention, pixels, scale_axes
    unused = [name for name, value in box.items() if value is not None]
    unused += said_of_box(convention, pixels, scale_axes)
    for name in unused:
        raise ValueError(
            f"{operation}: {name} must be left out where there is a matrix, which holds it"
        )
    return convention, pixels, scale_axes


def said_of_box(convention: str, pixel_std: float, scale_axes: str) -> list[str]:
    """Which of these options differ from what stands for nothing said."""
    said = {
        "convention": convention != "corner",
        "scale_axes": scale_axes != "xy",
        "pixel_std": pixel_std != 1.0,
    }
    return [name for name, different in said.items() if different]


def weight_power(operation: str, value: object) -> int:
    """1 or 2."""
    number = integer(operation, "weight_power", value, "1 or 2")
    if number not in (1, 2):
        raise value_error(operation, "weight_power", "1 or 2", value)
    return number


def topk(operation: str, value: object) -> int:
    """How many are taken, at least one; native code knows how many there are."""
    number = integer(operation, "topk", value)
    if not 1 <= number <= 2**31:
        raise value_error(operation, "topk", "from 1 to the number of joints", value)
    return number


def stages(operation: str, outputs: Sequence[Any]) -> Sequence[Any]:
    """The outputs of stacked networks: at least one, and not stacked again."""
    if not outputs:
        kind = type(outputs).__name__
        raise ValueError(f"{operation}: output must be at least one torch tensor, got {kind} of 0")
    for output in outputs:
        if isinstance(output, (list, tuple)):
            raise type_error(operation, "output", "a torch tensor", output)
    return outputs
