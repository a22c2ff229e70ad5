"""Whatever a public function is given, it returns a result, or refuses it by name.

LOWERPOSE_FUZZ_CALLS says how many calls each function gets, for a long run:

    LOWERPOSE_FUZZ_CALLS=10000 python -m pytest tests/test_any_arguments.py
"""

from __future__ import annotations

import os

import hypothesis
import pytest
import torch
from hypothesis import strategies as st

import lowerpose_ops as lp
from tests.any_arguments import CALLS, Draw

COUNT = int(os.environ.get("LOWERPOSE_FUZZ_CALLS", "0"))


def test_no_function_is_left_out():
    assert set(CALLS) == {name for name in lp.__all__ if callable(getattr(lp, name))}


def tensors_of(result):
    if isinstance(result, torch.Tensor):
        return [result]
    return [t for part in result for t in tensors_of(part)] if isinstance(result, tuple) else []


@pytest.mark.filterwarnings("ignore")  # complex numbers that lose their imaginary part, and such
@pytest.mark.parametrize("name", CALLS)
@hypothesis.given(data=st.data())
@hypothesis.settings(
    max_examples=COUNT or 60,
    derandomize=not COUNT,
    database=None,
    phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_a_result_or_a_refusal(name, data, device):
    draw = Draw(data)
    try:
        result = CALLS[name](draw)
        for tensor in tensors_of(result):
            if tensor.requires_grad:
                tensor.sum().backward()
    except (ValueError, TypeError) as error:
        # A module's function refuses in the function's name.
        assert str(error).split(":")[0] in CALLS, f"refused without a name: {error!r}"  # noqa: PT017
