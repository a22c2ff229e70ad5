"""What native code says of a GPU's tensors where no driver, no GPU or no kernels are."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
import torch

from lowerpose_ops import _native, presets
from tests.heatmap_samples import PLAIN_DECODING, maps


@pytest.fixture
def no_gpu():
    """CUDA is asked, because a torch that is built without it would not know."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return
    count = ctypes.c_int()
    if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value:
        pytest.skip("a GPU is here, which must never be handed memory that is not its own")


SHAPE = (2, 3, 8, 6)
WEIGHTING = (False, True, 1.0)  # squared_weight, mean, loss_weight
JOINTS = torch.ones(2, 3, 2), torch.ones(2, 3)  # and their visibilities
DRAWN = maps(SHAPE), *JOINTS, 2.0, None, presets.TARGETS["exact"]
RULES = (True, *WEIGHTING[:2], 0, 1.0)  # weighted, ..., topk, loss_weight

# name: (operation in words, native function, arguments, places of its outputs)
NATIVE_CALLS = {
    "gaussian_targets": (
        "gaussian_targets",
        [
            torch.ones(2, 3, 2),
            torch.ones(2, 3),
            torch.empty(SHAPE),
            torch.empty(2, 3, 1),
            2.0,
            None,
            presets.TARGETS["exact"],
            1,
        ],
        (2, 3),
    ),
    "gaussian_joints_mse": (
        "gaussian_joints_mse_loss",
        [*DRAWN, torch.empty(()), None, torch.empty(SHAPE), None, RULES, 1],
        (6, 8),
    ),
    "gaussian_joints_mse_backward": (
        "gaussian_joints_mse_loss",
        [torch.ones(()), *DRAWN, None, torch.empty(SHAPE), False, RULES, 1],
        (8,),
    ),
    "gaussian_joints_mse_joints_backward": (
        "gaussian_joints_mse_loss",
        [
            *(torch.ones(()), *DRAWN, None, torch.empty(2, 3, 2, dtype=torch.float64)),
            *(torch.empty(2, 3, dtype=torch.float64), RULES, 1),
        ],
        (8, 9),
    ),
    "joints_mse": (
        "joints_mse_loss",
        [maps(SHAPE), maps(SHAPE, seed=1), None, torch.empty(()), None, None, *WEIGHTING, 1],
        (3,),
    ),
    "joints_mse_backward": (
        "joints_mse_loss",
        [
            *(torch.ones(()), maps(SHAPE), maps(SHAPE, seed=1), None, torch.empty(SHAPE), False),
            *(*WEIGHTING, 1),
        ],
        (4,),
    ),
    "flip_merge": (
        "flip_merge",
        [maps(SHAPE), maps(SHAPE, seed=1), torch.empty(SHAPE), [0, 2], True, 1],
        (2,),
    ),
    "joints_mse_general": (
        "joints_ohkm_mse_loss",
        [
            *(maps(SHAPE), maps(SHAPE, seed=1), None, None, torch.empty(())),
            *(torch.empty(2, 3, dtype=torch.float64), torch.empty(2, 3, 3, dtype=torch.float64)),
            *(torch.empty(1, dtype=torch.int64), False, "hardest", "all", False, 2, 1.0, 1),
        ],
        (4,),
    ),
    "joints_mse_general_backward": (
        "joints_mse_loss",
        [
            *(torch.ones(2), maps(SHAPE), maps(SHAPE, seed=1), None, None),
            *(torch.ones(2, 3, dtype=torch.float64), torch.empty(SHAPE), False, "per_sample", 1),
        ],
        (6,),
    ),
    "decode_heatmaps": (
        "decode_heatmaps",
        [maps(SHAPE), torch.empty(2, 3, 2), torch.empty(2, 3), *PLAIN_DECODING],
        (1, 2),
    ),
    "decode_and_score": (
        "decode_and_score",
        [
            *(maps(SHAPE), torch.ones(2, 3, 2), torch.ones(2, 3), *[None] * 5),
            *(torch.empty(2, 3, 2), torch.empty(2, 3), torch.empty(2, 3, dtype=torch.int64)),
            *([], False, *PLAIN_DECODING[4:6], ("corner", 1.0, "xy")),
            *((1.0, [], "auto", [0.5], False, [], None, None, "pooled"), 1),
        ],
        (8, 9, 10),
    ),
    "oks": (
        "oks",
        [
            *(torch.ones(1, 2, 3, 2), torch.ones(1, 4, 3, 2), torch.ones(1, 4, 3)),
            *(torch.ones(1, 4), None, [0.1] * 3, None, None, None, 0.0, "nan", "visible"),
            *(torch.empty(1, 2, 4, dtype=torch.float64), 1),
        ],
        (12,),
    ),
    "mpjpe": (
        "mpjpe",
        [
            *("mpjpe", torch.ones(2, 3, 3), torch.ones(2, 3, 3), torch.ones(2, 3)),
            *("none", [], "errors", torch.empty(2, 3), torch.empty(2, dtype=torch.float64)),
            *(torch.empty(1, 2, dtype=torch.float64), torch.empty(1, dtype=torch.int64), 1),
        ],
        (7, 8),
    ),
    "mpjpe_backward": (
        "mpjpe",
        [
            *("mpjpe", torch.ones(()), torch.ones(2, 3, 3), torch.ones(2, 3, 3), None),
            *("scale", [], "mean", torch.ones(2, dtype=torch.float64)),
            *(torch.empty(2, 3, 3), torch.empty(2, 3, 3), 1),
        ],
        (9, 10),
    ),
    "pck_counts": (
        "pck_counts",
        [
            *("pck_counts", torch.ones(2, 3, 2), torch.ones(2, 3, 2), torch.ones(2, 3), None),
            (1.0, [], "auto", [0.5], False, [], None, None, "pooled"),
            *(torch.empty(1, 3, dtype=torch.int64), torch.empty(3, dtype=torch.int64)),
            *(torch.empty(3, dtype=torch.float64), torch.empty(2, dtype=torch.float64)),
            torch.empty(1, dtype=torch.int64),
        ],
        (6, 7, 8, 9),
    ),
    "to_image": (
        "to_image",
        [
            *(torch.ones(2, 3, 2), torch.ones(2, 2), torch.ones(2), None, torch.empty(2, 3, 2)),
            *(48, 64, "corner", 1.0, "xy", "affine", 1),
        ],
        (4,),
    ),
    "soft_argmax": (
        "soft_argmax2d",
        [
            *(maps(SHAPE), None, 1.0, False),
            *(torch.empty(2, 3, 2), torch.empty(2, 3, 4, dtype=torch.float64), 1),
        ],
        (4, 5),
    ),
    "soft_argmax_backward": (
        "soft_argmax2d",
        [
            *(torch.ones(2, 3, 2), maps(SHAPE), torch.ones(3), 1.0, False),
            *(torch.ones(2, 3, 4, dtype=torch.float64), torch.empty(SHAPE), torch.empty(3)),
            *(torch.empty(7, dtype=torch.float64), 1),
        ],
        (6, 7),
    ),
}


def call_as_if_on(device: str, function: str, arguments: list[Any]) -> None:
    """Calls with descriptions that name this device, wherever the memory is."""

    def described(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        dtype = str(value.dtype).removeprefix("torch.")
        shape, strides = tuple(value.shape), value.stride()
        return (value.data_ptr(), shape, strides, dtype, device, 0, 0)

    if function == "joints_mse":
        size = _native.core.joints_mse_scratch(described(arguments[0]))
        arguments = arguments.copy()
        arguments[4] = torch.empty(size, dtype=torch.float64)
    if function == "gaussian_joints_mse":
        size = _native.core.gaussian_joints_mse_scratch(described(arguments[0]), 0)
        arguments = arguments.copy()
        arguments[7] = torch.empty(size, dtype=torch.float64)
    getattr(_native.core, function)(*(described(value) for value in arguments))


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("function", NATIVE_CALLS)
def test_without_a_gpu_the_refusal_says_what_to_do(function):
    operation, arguments, places = NATIVE_CALLS[function]
    outputs = [arguments[place].fill_(-1) for place in places]
    if _native.core.cuda_version:
        refusal = pytest.raises(RuntimeError, match=rf"^{operation}: cuda:0 .*: .*nvidia-smi")
    else:
        words = rf"^{operation}: \w+ must be on the CPU, .*LOWERPOSE_CUDA=ON.*, got cuda:0"
        refusal = pytest.raises(ValueError, match=words)
    for _ in range(2):  # the second finds no error that the first has left behind
        with refusal:
            call_as_if_on("cuda", function, arguments)
    assert all((output == -1).all() for output in outputs)
    call_as_if_on("cpu", function, arguments)
    assert all((output != -1).any() for output in outputs)
