"""The native functions. Each fills the arrays that its caller has allocated."""

from typing import Any, TypeAlias

# A NumPy array, a torch tensor, or the tuple that _library.view makes of one.
_Array: TypeAlias = Any

cuda_version: str
cuda_architectures: str

def simd_level() -> str: ...
def usable_threads(requested: int) -> int: ...
def flip_merge(
    heatmaps: _Array,
    flipped: _Array,
    merged: _Array,
    flip_pairs: list[int],
    shift: bool,
    threads: int,
    /,
) -> None: ...
def gaussian_targets(
    joints: _Array,
    visible: _Array,
    targets: _Array,
    weights: _Array,
    sigma: float,
    sigmas: _Array | None,
    center: str,
    window: str,
    radius: str,
    peak: str,
    visible_rule: str,
    weight: str,
    outside: str,
    threads: int,
    /,
) -> None: ...
def joints_mse_scratch(output: _Array, /) -> int: ...
def joints_mse(
    output: _Array,
    target: _Array,
    target_weight: _Array | None,
    loss: _Array,
    scratch: _Array,
    gradient: _Array | None,
    squared_weight: bool,
    mean: bool,
    loss_weight: float,
    threads: int,
    /,
) -> None: ...
def joints_mse_backward(
    incoming: _Array,
    output: _Array,
    target: _Array,
    target_weight: _Array | None,
    gradient: _Array,
    squared_weight: bool,
    mean: bool,
    loss_weight: float,
    threads: int,
    /,
) -> None: ...
def joints_mse_general(
    output: _Array,
    target: _Array,
    target_weight: _Array | None,
    mask: _Array | None,
    loss: _Array,
    scales: _Array,
    sums: _Array,
    ticket: _Array,
    squared_weight: bool,
    reduction: str,
    denominator: str,
    skip_empty: bool,
    topk: int,
    loss_weight: float,
    threads: int,
    /,
) -> None: ...
def joints_mse_general_backward(
    incoming: _Array,
    output: _Array,
    target: _Array,
    target_weight: _Array | None,
    mask: _Array | None,
    scales: _Array,
    gradient: _Array,
    squared_weight: bool,
    reduction: str,
    threads: int,
    /,
) -> None: ...
def decode_heatmaps(
    heatmaps: _Array,
    coords: _Array,
    scores: _Array,
    covariance: _Array | None,
    flipped: _Array | None,
    flip_pairs: list[int],
    shift: bool,
    rules: tuple[Any, ...],
    taylor: tuple[Any, ...],
    threads: int,
    /,
) -> None: ...
def oks(
    pred: _Array,
    gt: _Array,
    visible: _Array,
    area: _Array,
    sigmas: _Array | None,
    sigma_values: list[float],
    pred_visible: _Array | None,
    pred_area: _Array | None,
    bbox: _Array | None,
    eps: float,
    no_visible: str,
    divide_by: str,
    similarity: _Array,
    threads: int,
    /,
) -> None: ...
def pck_counts(
    operation: str,
    pred: _Array,
    gt: _Array,
    valid: _Array,
    norm: _Array | None,
    rules: tuple[Any, ...],
    correct: _Array,
    counted: _Array,
    errors: _Array,
    scores: _Array,
    scratch: _Array,
    /,
) -> None: ...
def soft_argmax(
    heatmaps: _Array,
    beta: _Array | None,
    beta_value: float,
    normalized: bool,
    coords: _Array,
    state: _Array,
    threads: int,
    /,
) -> None: ...
def soft_argmax_backward(
    incoming: _Array,
    heatmaps: _Array,
    beta: _Array | None,
    beta_value: float,
    normalized: bool,
    state: _Array,
    gradient: _Array | None,
    beta_gradient: _Array | None,
    scratch: _Array | None,
    threads: int,
    /,
) -> None: ...
def to_image(
    coords: _Array,
    center: _Array | None,
    scale: _Array | None,
    matrix: _Array | None,
    out: _Array,
    width: int,
    height: int,
    convention: str,
    pixel_std: float,
    scale_axes: str,
    mode: str,
    threads: int,
    /,
) -> None: ...
