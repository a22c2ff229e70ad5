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
def keypoint_ap_order(
    group: _Array,
    scores: _Array | None,
    most: int,
    offsets: _Array,
    order: _Array,
    /,
) -> None: ...
def keypoint_ap_match(
    pred: _Array,
    pred_area: _Array,
    pred_takes: _Array,
    pred_offsets: _Array,
    gt: _Array,
    gt_box: _Array,
    gt_scale: _Array,
    gt_area: _Array,
    gt_ignored: _Array,
    gt_crowd: _Array,
    gt_counts: _Array,
    gt_offsets: _Array,
    variances: _Array,
    thresholds: _Array,
    ranges: _Array,
    oks_offsets: _Array,
    oks: _Array,
    match: _Array,
    outcome: _Array,
    positives: _Array,
    joints: _Array,
    order: _Array,
    taken: _Array,
    reach: _Array,
    nan_matches: bool,
    threads: int,
    /,
) -> None: ...
def keypoint_ap_curves(
    outcome: _Array,
    positives: _Array,
    scores: _Array,
    pred_offsets: _Array,
    images: _Array,
    categories: _Array,
    ranges: _Array,
    max_dets: _Array,
    recalls: _Array,
    precision: _Array,
    recall: _Array,
    score: _Array,
    order: _Array,
    rank: _Array,
    count: _Array,
    threads: int,
    /,
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
def read_annotations(
    annotations: list[Any],
    rows: _Array,
    keys: tuple[str, ...],
    defaults: tuple[float | None, ...],
    tables: tuple[dict[Any, int] | None, ...],
    numbers: _Array,
    /,
) -> None: ...
def read_annotation_lists(
    annotations: list[Any], rows: _Array, key: str, numbers: _Array, /
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
