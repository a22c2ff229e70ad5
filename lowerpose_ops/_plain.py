"""Whether anybody but native code has to see a call.

Torch's dispatcher takes a call past everything that may want to see it: modes, tracers, vmap,
tensor subclasses, lazily negated views, the profiler. In the eager calls of a training loop it
finds nobody, and the way there, through Python twice for an operation that is written in Python,
costs 10 us with warm caches and several times that after a pass over large heatmaps. So the
operations ask here first, and call the same implementation directly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter


def _plain_keys() -> tuple[frozenset[int], frozenset[int]] | None:
    """The dispatch keys of plain tensors, and those of a thread in which no mode is active.

    None where this torch does not tell them: then no call is plain.
    """
    try:
        key, keys = torch._C.DispatchKey, torch._C.DispatchKeySet
        tensors, threads = set(), set()
        for device in ("CPU", "CUDA"):
            in_inference = keys(getattr(key, device)) | keys(getattr(key, f"Autocast{device}"))
            tensors.add(in_inference.raw_repr())
            autograd = keys(getattr(key, f"Autograd{device}")) | keys(key.ADInplaceOrView)
            tensors.add((in_inference | autograd).raw_repr())
        threads.add(keys(key.BackendSelect).raw_repr())  # in inference mode
        threads.add((keys(key.BackendSelect) | keys(key.ADInplaceOrView)).raw_repr())
        torch._C._dispatch_keys(torch.empty(0)).raw_repr()
        torch._C._dispatch_tls_local_include_set().raw_repr()
        torch._C._len_torch_function_stack()
    except AttributeError:
        return None
    return frozenset(tensors), frozenset(threads)


_PLAIN_KEYS = _plain_keys()


def is_traced(*tensors: Any) -> bool:
    """Whether one is no ordinary tensor in memory, or somebody follows what this thread does.

    Native code must not see such tensors: a lazily negated one has the wrong sign in memory, others
    have no memory at all.
    """
    if torch.compiler.is_compiling() or _PLAIN_KEYS is None:
        return True
    plain_tensor, plain_thread = _PLAIN_KEYS
    for tensor in tensors:
        if type(tensor) not in (Tensor, Parameter):
            return True
        if torch._C._dispatch_keys(tensor).raw_repr() not in plain_tensor:
            return True
    return (
        torch._C._dispatch_tls_local_include_set().raw_repr() not in plain_thread
        or torch._C._len_torch_function_stack() > 0
    )


def is_plain(*tensors: Any) -> bool:
    """Whether all are ordinary tensors in memory, and nobody watches this thread: no profiler."""
    return not is_traced(*tensors) and not torch._C._autograd._profiler_enabled()
