"""The base of all metrics: a torchmetrics.Metric, or what stands for it."""

from __future__ import annotations

from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed

if TYPE_CHECKING or find_spec("torchmetrics") is None:
    from ._without_torchmetrics import Metric as _Base
else:
    from torchmetrics import Metric as _Base


class Metric(_Base):
    """States that are summed across ranks, and rows that are gathered from them.

    A subclass adds its states in __init__, fills them in update and reads them in compute, where
    they hold what all ranks have put into them. Keyword arguments are those of torchmetrics.Metric;
    without torchmetrics: process_group and sync_on_compute.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False  # updating needs no earlier state
    compute_with_cache: bool

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # A rank that has seen nothing new would answer from torchmetrics' cache, while the others
        # wait for it.
        self.compute_with_cache = False
        self._row_shapes: dict[str, tuple[tuple[int, ...], torch.dtype]] = {}

    def set_dtype(self, dst_type: Any) -> Metric:  # noqa: ARG002
        """Changes nothing: counts and ids are integers, and all else is float64."""
        return self

    def _add_sum(self, name: str, default: Tensor) -> None:
        """A tensor attribute; across ranks its sum."""
        self.add_state(name, default, dist_reduce_fx="sum")

    def _add_rows(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        """Rows of one shape each, that `_append` adds and `_rows` reads.

        Across ranks they are the rows of all, in the order of the ranks. The dtype is a floating
        type or an integer of 8, 32 or 64 bits, which every backend can send.
        """
        self._row_shapes[name] = shape, dtype
        self.add_state(name, [], dist_reduce_fx="cat")

    def _name_of_rules(self, name: str, *rules: Any) -> str:
        """A state's name that differs where `rules` do.

        In a collection of torchmetrics, metrics share their states if these have the same names and
        equal values after the first batch, whatever the rules that make the values.
        """
        return f"{name}_{sha256(repr(rules).encode()).hexdigest()[:16]}"

    def _append(self, name: str, rows: Tensor) -> None:
        """Adds rows, [any, *shape]."""
        shape, dtype = self._row_shapes[name]
        rows = rows.detach().to(self.device, dtype)
        getattr(self, name).append(rows.reshape(len(rows), *shape))

    def _rows(self, name: str) -> Tensor:
        """All rows of a state as one tensor, [all, *shape]."""
        state = getattr(self, name)
        if isinstance(state, Tensor):  # torchmetrics joins them when it gathers
            return state
        return torch.cat([*state, self._no_rows(name)])

    def _no_rows(self, name: str) -> Tensor:
        shape, dtype = self._row_shapes[name]
        return torch.empty((0, *shape), dtype=dtype, device=self.device)

    def _follow(self, tensor: Tensor) -> None:
        """Moves the states to where a batch is, if they are elsewhere."""
        if tensor.device != self.device:
            self.to(tensor.device)

    def sync(self, *arguments: Any, **options: Any) -> None:
        """Puts the states of all ranks in place of the rank's own; compute calls it."""
        if distributed.is_available() and distributed.is_initialized():
            if distributed.get_backend(self.process_group) == "nccl":
                self.to(torch.device("cuda", torch.cuda.current_device()))
            # A rank without rows sends none of the right shape.
            for name in self._row_shapes:
                state = getattr(self, name)
                if isinstance(state, list) and not state:
                    state.append(self._no_rows(name))
        super().sync(*arguments, **options)
