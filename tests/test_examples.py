"""The examples in the public docstrings are run."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest
import torch

import lowerpose_ops as lp

CALLABLES = [name for name in lp.__all__ if callable(getattr(lp, name))]
MODULES = {lp._EXPORTS[name] for name in CALLABLES}
MODULES |= {f"metrics.{module}" for module in lp.metrics._EXPORTS.values()}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_examples_of_docstrings(module):
    results = doctest.testmod(
        importlib.import_module(f"lowerpose_ops.{module}"), extraglobs={"np": np, "torch": torch}
    )
    assert results.attempted > 0
    assert results.failed == 0


def test_every_public_operation_has_an_example():
    for name in CALLABLES:
        assert "Example:" in getattr(lp, name).__doc__, name
    for name in lp.metrics.__all__:
        assert "Example:" in getattr(lp.metrics, name).__doc__, name
