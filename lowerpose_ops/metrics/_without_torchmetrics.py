"""What metrics are made of where torchmetrics is not installed: the part of its Metric they use."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, distributed, nn

_State = Tensor | list[Tensor]


class Metric(nn.Module):
    """States that update fills, compute reads and reset empties.

    In compute, a state holds what all ranks have put into it, where torch.distributed is
    initialised: every rank has to call compute, and every rank gets the same result. Afterwards the
    rank's own state is back.

    Args:
        process_group: The ranks that belong together; None for all of them.
        sync_on_compute: Whether compute asks the other ranks.
    """

    def __init__(self, *, process_group: Any = None, sync_on_compute: bool = True) -> None:
        super().__init__()
        self.process_group = process_group
        self.sync_on_compute = sync_on_compute
        self._defaults: dict[str, _State] = {}
        self._device = torch.get_default_device()
        self._own_states: dict[str, _State] | None = None  # while those of all ranks are in place

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "compute" in cls.__dict__:
            setattr(cls, "compute", _across_ranks(cls.compute))  # noqa: B010

    @property
    def device(self) -> torch.device:
        """Where the states are."""
        return self._device

    def add_state(self, name: str, default: _State, dist_reduce_fx: str) -> None:
        """A tensor that is summed across ranks ("sum"), or a list of tensors ("cat")."""
        if dist_reduce_fx != ("sum" if isinstance(default, Tensor) else "cat"):
            raise ValueError(f"add_state: tensors are summed and lists joined, got {name!r}")
        self._defaults[name] = default
        setattr(self, name, _copied(default))

    def update(self, *arguments: Any, **options: Any) -> None:
        raise NotImplementedError

    def compute(self) -> Any:
        raise NotImplementedError

    def reset(self) -> None:
        """Forgets all updates."""
        self._set({name: _copied(default) for name, default in self._defaults.items()})

    def sync(self) -> None:
        """Puts the states of all ranks in place of the rank's own."""
        states = self._states()
        self._set({name: gathered(state, self.process_group) for name, state in states.items()})
        self._own_states = states

    def unsync(self) -> None:
        """Puts the rank's own states back."""
        if self._own_states is not None:
            self._set(self._own_states)
        self._own_states = None

    def forward(self, *arguments: Any, **options: Any) -> Any:
        """Updates the metric, and returns what it is for these arguments alone, on this rank."""
        before, sync_on_compute = self._states(), self.sync_on_compute
        self.reset()
        self.sync_on_compute = False
        try:
            self.update(*arguments, **options)
            batch_value = self.compute()
        except BaseException:
            self.reset()
            raise
        finally:
            for name, state in before.items():
                setattr(self, name, _joined(_moved(state, self.device), getattr(self, name)))
            self.sync_on_compute = sync_on_compute
        return batch_value

    def _states(self) -> dict[str, _State]:
        return {name: getattr(self, name) for name in self._defaults}

    def _set(self, states: dict[str, _State]) -> None:
        for name, state in states.items():
            setattr(self, name, state)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Metric:
        """Moves the states as `to`, `cuda` and `cpu` move parameters; their types stay."""
        self._device = fn(torch.zeros(1, device=self._device)).device
        self._set({name: _moved(state, self._device) for name, state in self._states().items()})
        self._defaults = {
            name: _moved(default, self._device) for name, default in self._defaults.items()
        }
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def _copied(state: _State) -> _State:
    return list(state) if isinstance(state, list) else state.detach().clone()


def _moved(state: _State, device: torch.device) -> _State:
    if isinstance(state, list):
        return [tensor.to(device) for tensor in state]
    return state.to(device)


def _joined(before: Any, batch: Any) -> _State:
    state: _State = before + batch  # of two lists, or of two tensors
    return state


def _across_ranks(compute: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`compute` over the states of all ranks."""

    @functools.wraps(compute)
    def synchronised(metric: Metric) -> Any:
        alone = not (distributed.is_available() and distributed.is_initialized())
        if alone or not metric.sync_on_compute or metric._own_states is not None:
            return compute(metric)
        metric.sync()
        try:
            return compute(metric)
        finally:
            metric.unsync()

    return synchronised


def gathered(state: _State, group: Any) -> _State:
    """The sum of a tensor over the ranks, or the rows of all ranks in the order of the ranks.

    A list holds at least one tensor, so that a rank without rows knows their shape. Numbers travel,
    and nothing that could be executed.
    """
    if isinstance(state, Tensor):
        total = state.clone()
        distributed.all_reduce(total, group=group)
        return total
    rows = torch.cat(state)
    ranks = distributed.get_world_size(group)
    count = torch.tensor([len(rows)], device=rows.device)
    counts = [torch.empty_like(count) for _ in range(ranks)]
    distributed.all_gather(counts, count, group=group)
    lengths = [int(length) for length in torch.cat(counts)]
    if max(lengths) == 0:
        return [rows]
    padded = rows.new_zeros((max(lengths), *rows.shape[1:]))
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in range(ranks)]
    distributed.all_gather(parts, padded, group=group)
    return [torch.cat([part[:n] for part, n in zip(parts, lengths, strict=True)])]
