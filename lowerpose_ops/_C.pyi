"""The native functions. Each fills the arrays that its caller has allocated."""

from typing import Any, TypeAlias

# A NumPy array, a torch tensor, or the tuple that _library.view makes of one.
_Array: TypeAlias = Any

cuda_version: str
cuda_architectures: str

def simd_level() -> str: ...
def usable_threads(requested: int) -> int: ...
def gaussian_targets(
    joints: _Array,
    visible: _Array,
    targets: _Array,
    weights: _Array,
    sigma: float,
    center: str,
    window: str,
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
    heatmaps: _Array, coords: _Array, scores: _Array, refine: str, threads: int, /
) -> None: ...
def pck_counts(
    pred: _Array,
    gt: _Array,
    valid: _Array,
    norm: _Array | None,
    norm_value: float,
    norm_layout: str,
    thresholds: list[float],
    inclusive: bool,
    correct: _Array,
    counted: _Array,
    ratio: _Array,
    scratch: _Array,
    /,
) -> None: ...
