"""Whatever a public function is given, it returns a result, or refuses it by name.

LOWERPOSE_FUZZ_CALLS says how many calls each function gets, for a long run:

    LOWERPOSE_FUZZ_CALLS=2000 python -m pytest tests/test_any_arguments.py
"""

from __future__ import annotations

import os
import re
from importlib import import_module

import hypothesis
import pytest
import torch
from hypothesis import strategies as st

import lowerpose_ops as lp
from tests import any_arguments, any_compat_arguments
from tests.any_arguments import Draw

HOST_ONLY = {"keypoint_ap", "metrics.KeypointAP"}
COUNT = int(os.environ.get("LOWERPOSE_FUZZ_CALLS", "0"))


def callables(module, prefix=""):
    return {prefix + name for name in module.__all__ if callable(getattr(module, name))}


def test_no_function_is_left_out():
    assert set(any_arguments.CALLS) == callables(lp) | callables(lp.metrics, "metrics.")
    compat = set()
    for name in ("lower_body", "hrnet", "mmpose", "kornia"):
        compat |= callables(import_module(f"lowerpose_ops.compat.{name}"), f"{name}.")
    # register() changes mmpose's registries; it takes a flag alone.
    assert set(any_compat_arguments.CALLS) == compat - {"mmpose.register"}


def tensors_of(result):
    if isinstance(result, torch.Tensor):
        return [result]
    return [t for part in result for t in tensors_of(part)] if isinstance(result, tuple) else []


def result_or_refusal(call, data):
    try:
        results = [t for t in tensors_of(call(Draw(data))) if t.requires_grad]
        if results:
            sum(tensor.sum() for tensor in results).backward()
    except (ValueError, TypeError) as error:
        # "operation: argument ...": a module's function refuses in the function's name.
        assert re.match(r"[A-Za-z][\w.]+: \w", str(error)), f"refused without a name: {error!r}"  # noqa: PT017


short = hypothesis.settings(
    max_examples=COUNT or 40,
    derandomize=not COUNT,
    database=None,
    phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.mark.filterwarnings("ignore")  # complex numbers that lose their imaginary part, and such
@pytest.mark.parametrize("name", any_arguments.CALLS)
@hypothesis.given(data=st.data())
@short
def test_operations(name, data, device):
    if device != "cpu" and name in HOST_ONLY:
        pytest.skip("has no kernels")
    result_or_refusal(any_arguments.CALLS[name], data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", any_compat_arguments.CALLS)
@hypothesis.given(data=st.data())
@short
def test_other_projects_names(name, data):
    result_or_refusal(any_compat_arguments.CALLS[name], data)
