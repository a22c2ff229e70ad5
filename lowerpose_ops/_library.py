"""How operations are declared to torch, and how their tensors reach native code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import forward_ad

from . import _arguments as arguments
from . import _native
from ._plain import is_plain

_library = torch.library.Library("lowerpose_ops", "DEF")

# (pointer, shape, strides, dtype name, device type, device index, stream)
Description = tuple[int, tuple[int, ...], tuple[int, ...], str, str, int, int]

# Native code reads tensors by itself where torch offers DLPack's C exchange API (torch >=
# 2.10): 0.2 us a tensor instead of 1.5 us for a description.
has_exchange = hasattr(torch.Tensor, "__dlpack_c_exchange_api__")


def define_op(
    schema: str,
    impl: Callable[..., Any],
    fake: Callable[..., Any],
    *,
    setup_context: Callable[..., None] | None = None,
    backward: Callable[..., Any] | None = None,
) -> Operation:
    """Declares `lowerpose_ops::<schema>` and returns what calls it.

    `impl` runs on every device that native code may know; native code refuses the others.
    `fake` allocates the outputs and nothing more: it is what tracing sees. A plain call goes past
    torch's dispatcher: to `impl` itself, or where a gradient is wanted to the same as a
    torch.autograd.Function. There `impl` runs with autograd listening, so it must not apply torch's
    operations to its inputs.
    """
    name = schema.partition("(")[0]
    qualified = f"lowerpose_ops::{name}"
    _library.define(schema)
    _library.impl(name, impl, "CompositeExplicitAutograd")
    torch.library.register_fake(qualified, fake, lib=_library)
    if backward is not None:
        torch.library.register_autograd(
            qualified, backward, setup_context=setup_context, lib=_library
        )
    operator: Callable[..., Any] = getattr(torch.ops.lowerpose_ops, name).default
    return Operation(operator, impl, setup_context, backward)


class Operation:
    """What calls an operation: past torch's dispatcher where nobody but native code has to see it.

    `operator` takes any call, `eager` plain ones alone.
    """

    def __init__(
        self,
        operator: Any,  # of torch.ops
        impl: Callable[..., Any],
        setup_context: Callable[..., None] | None,
        backward: Callable[..., Any] | None,
    ) -> None:
        self.operator = operator
        self.eager = impl if backward is None else self._choose
        self._impl = impl
        self._places = _places_of_tensors(operator)
        if backward is not None:
            self._apply = _eager_function(operator.name(), impl, setup_context, backward)

    def __call__(self, *inputs: Any) -> Any:
        tensors = [inputs[place] for place in self._places if inputs[place] is not None]
        return (self.eager if is_plain(*tensors) else self.operator)(*inputs)

    def _choose(self, *inputs: Any) -> Any:
        if torch.is_grad_enabled():
            for place in self._places:
                tensor = inputs[place]
                if tensor is not None and tensor.requires_grad:
                    return self._apply(*inputs)
        return self._impl(*inputs)


def _places_of_tensors(operator: Any) -> tuple[int, ...]:
    kinds = [str(argument.type) for argument in operator._schema.arguments]
    return tuple(i for i, kind in enumerate(kinds) if kind in ("Tensor", "Optional[Tensor]"))


def _eager_function(
    name: str,
    forward: Callable[..., Any],
    setup_context: Callable[..., None] | None,
    backward: Callable[..., Any],
) -> Callable[..., Any]:
    """What calls `forward` and has `backward` for a gradient, for plain tensors alone."""

    def forward_and_save(ctx: Any, *inputs: Any) -> Any:
        output = forward(*inputs)
        if setup_context is not None:
            setup_context(ctx, inputs, output)
        return output

    members = {"forward": staticmethod(forward_and_save), "backward": staticmethod(backward)}
    return apply_of(type(name.partition("::")[2], (torch.autograd.Function,), members))


def apply_of(function: Any) -> Callable[..., Any]:
    """Its `apply` for plain tensors: torch's own looks for functorch's first, which takes 2 us."""
    apply: Callable[..., Any] = super(torch.autograd.Function, function).apply
    return apply


def view(tensor: torch.Tensor) -> torch.Tensor | Description:
    """What native code takes for a tensor; it checks all of it.

    A description keeps nothing alive: hold the tensor in a variable until the native call returns.
    """
    if has_exchange:
        return tensor
    device = tensor.device
    stream = torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else 0
    return (
        tensor.data_ptr(),
        tensor.shape,
        tensor.stride(),
        str(tensor.dtype)[6:],  # without "torch."
        device.type,
        device.index or 0,
        stream,
    )


def has_own_scratch(tensor: torch.Tensor) -> bool:
    """Whether native code has its own scratch memory where this tensor is: on the CPU."""
    return tensor.is_cpu and _native.core.cpu_kernels


def optional_view(tensor: torch.Tensor | None) -> torch.Tensor | Description | None:
    """`view` of a tensor that may be left out."""
    return None if tensor is None else view(tensor)


def check_tensors(operation: str, **tensors: object) -> None:
    """Refuses what is no dense tensor, and tensors on several devices.

    Torch's dispatcher would say it in other words, or take a tensor on the meta device as a reason
    to compute nothing at all.
    """
    first: torch.Tensor | None = None
    for argument, value in tensors.items():
        if not isinstance(value, torch.Tensor):
            raise arguments.type_error(operation, argument, "a torch tensor", value)
        if value.layout is not torch.strided or value.is_nested:
            kind = "nested" if value.is_nested else value.layout
            raise TypeError(f"{operation}: {argument} must be a dense tensor, got {kind}")
        if first is None:
            first = value
        elif value.device != first.device:
            raise ValueError(
                f"{operation}: {argument} must be on {first.device} like {next(iter(tensors))}, "
                f"got {value.device}"
            )


def check_no_gradient(operation: str, argument: str, tensor: torch.Tensor) -> None:
    """Refuses a tensor to which a gradient should flow, where none does."""
    if tensor.requires_grad or has_tangent(tensor):
        raise ValueError(
            f"{operation}: {argument} must not require a gradient, because none flows to it; "
            f"pass {argument}.detach()"
        )


def has_tangent(tensor: torch.Tensor) -> bool:
    """Whether forward-mode differentiation goes through the tensor."""
    if forward_ad._current_level < 0:
        return False
    return forward_ad.unpack_dual(tensor).tangent is not None
