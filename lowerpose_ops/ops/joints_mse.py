"""The weighted mean squared error between heatmaps."""

from __future__ import annotations

from torch import Tensor

from .. import _arguments as arguments
from .. import presets
from .._library import check_no_gradient, check_tensors, has_tangent
from .._plain import is_plain
from .joints_mse_fast import (
    apply_eagerly,
    gradient_in_forward,
    joints_mse,
    joints_mse_and_gradient,
    run_alone,
    wants_gradient,
)
from .joints_mse_general import joints_mse_general_loss

_NAME = "joints_mse_loss"
REDUCTIONS = ("mean", "sum", "per_sample", "per_joint", "none")
DENOMINATORS = ("all", "weighted", "visible")


def joints_mse_loss(
    output: Tensor | list[Tensor] | tuple[Tensor, ...],
    target: Tensor,
    target_weight: Tensor | None = None,
    *,
    preset: str = "document",
    reduction: str = "mean",
    loss_weight: float = 1.0,
    half: bool | None = None,
    weight_power: int | None = None,
    denominator: str = "all",
    mask: Tensor | None = None,
    skip_empty: bool = False,
) -> Tensor:
    """The mean over all elements of target_weight * (output - target)^2, with its gradients.

    Joints with weight 0 stay in the denominator: the sum is divided by B * K * H * W, unless
    `denominator` says otherwise. A NaN in a map of weight 0 still gives NaN, so that a broken
    prediction shows. Sums are taken in a fixed order; the result is the same bit for bit for any
    number of threads.

    In words: an element's factor is target_weight ** weight_power * mask, and 0 in a map that is
    skipped; the loss is loss_weight * sum(factor * (output - target)^2) / denominator, halved or
    not.

    Args:
        output: [B, K, H, W], float32, float16, bfloat16 or float64, of any strides: contiguous and
            channels_last are read in place. Or a list or tuple of such outputs, as stacked
            networks give them: the loss is the sum of theirs.
        target: Of the same shape, of any of these dtypes and any strides. It may require a gradient
            too.
        target_weight: [B, K, 1] or [B, K], or [B, K, H, W] for a weight a pixel; bool, uint8, a
            signed integer or a floating type. None is 1 everywhere. It must not require a gradient.
            [B, K] means the same under every preset, also where HRNet would go wrong silently.
        preset: "document"; "lower_body", with target_weight squared; "hrnet", with target_weight
            squared and a factor 1/2; or "mmpose", which is like "document".
        reduction: "mean"; "sum", divided by nothing; "per_sample", [B], each divided by K * H * W;
            "per_joint", [K], each divided by B * H * W; or "none", [B, K, H, W], the weighted
            squares themselves.
        loss_weight: A factor on the loss.
        half: Whether there is a factor 1/2; None leaves it to the preset.
        weight_power: 1 or 2; None leaves it to the preset.
        denominator: "all" counts every element; "weighted" is the sum of the factors, "visible"
            the number of elements whose factor is not 0, both over what the reduction sums: over
            the sample under "per_sample", over the joint under "per_joint". Where it is 0, the loss
            and its gradient are 0, as long as the maps are finite. "sum" and "none" have no
            denominator, and refuse these two.
        mask: [B, 1, H, W] or [B, K, H, W], of the dtypes of target_weight: a factor a pixel, which
            is never squared. It must not require a gradient.
        skip_empty: Whether maps whose target is 0 everywhere get the factor 0, as with MMPose's
            skip_empty_channel.

    Returns:
        The loss, without dimensions unless the reduction says otherwise, in float32, or float64 if
        a map is; 0 for an empty batch. Arithmetic is in that type too, and 16-bit gradients are
        scaled before they are rounded. With one weight a joint, a plain mean or sum, and a gradient
        for a float32 or float64 output alone, that gradient is computed with the loss and kept
        beside the maps until backward; otherwise the maps are read again there. The gradient cannot
        be differentiated again; forward-mode differentiation and torch.func.grad cannot pass
        through; torch.func.vmap can, slowly, over plain means and sums. In float32, differences
        above 1e19 overflow when they are squared.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: Shapes or devices differ; a word is unknown; loss_weight is not finite;
            target_weight or mask requires a gradient; the list of outputs is empty; the reduction
            has no denominator.

    Example:
        >>> output = torch.zeros(2, 6, 64, 48, requires_grad=True)
        >>> loss = joints_mse_loss(output, torch.ones(2, 6, 64, 48), torch.ones(2, 6, 1))
        >>> loss.backward()
        >>> loss.item()
        1.0
        >>> visible = torch.tensor([[1.0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]])
        >>> target = torch.ones(2, 6, 64, 48)
        >>> joints_mse_loss(output.detach(), target, visible, reduction="per_sample")
        tensor([0.3333, 0.0000])
        >>> joints_mse_loss(output.detach(), target, visible, denominator="visible")
        tensor(1.)

    The formula of "document" is that of the lower-body joint prediction project's text (CS566),
    "lower_body" what its training script computes, "hrnet" HRNet's and SimpleBaseline's, "mmpose"
    that of MMPose's KeypointMSELoss; "per_sample" is how the stacked hourglass networks' loss is
    reduced.
    """
    if isinstance(output, (list, tuple)):
        losses = [
            joints_mse_loss(
                stage,
                target,
                target_weight,
                preset=preset,
                reduction=reduction,
                loss_weight=loss_weight,
                half=half,
                weight_power=weight_power,
                denominator=denominator,
                mask=mask,
                skip_empty=skip_empty,
            )
            for stage in arguments.stages(_NAME, output)
        ]
        return sum(losses[1:], start=losses[0])
    tensors = {"output": output, "target": target}
    if target_weight is not None:
        tensors["target_weight"] = target_weight
    if mask is not None:
        tensors["mask"] = mask
    plain = is_plain(*tensors.values())
    if not plain:  # else native code checks the devices, and there is nothing more to check
        check_tensors(_NAME, **tensors)
    if target_weight is not None:
        check_no_gradient(_NAME, "target_weight", target_weight)
    if has_tangent(output) or has_tangent(target):
        raise ValueError(f"{_NAME}: forward-mode differentiation is not available")
    arguments.choice(_NAME, "preset", preset, presets.LOSSES)
    loss_weight = arguments.number(_NAME, "loss_weight", loss_weight)
    weighting = presets.LOSSES[preset]
    squared = weighting.squared_weight
    # Of a training step's call nothing is left to check: each check costs it a tenth of a
    # microsecond.
    words = isinstance(reduction, str) and isinstance(denominator, str)
    if not (words and reduction == "mean" and denominator == "all" and skip_empty is False):
        arguments.choice(_NAME, "reduction", reduction, REDUCTIONS)
        arguments.choice(_NAME, "denominator", denominator, DENOMINATORS)
        check_denominator(_NAME, reduction, denominator)
        arguments.check_flag(_NAME, "skip_empty", skip_empty)
    if weighting.half if half is None else arguments.check_flag(_NAME, "half", half):
        loss_weight = 0.5 * loss_weight
    if weight_power is not None:
        squared = arguments.weight_power(_NAME, weight_power) == 2
    if mask is not None:
        check_no_gradient(_NAME, "mask", mask)
    loss: Tensor
    if (
        denominator != "all"
        or mask is not None
        or skip_empty
        or reduction not in ("mean", "sum")
        or (target_weight is not None and target_weight.ndim == 4)
    ):
        inputs = output, target, target_weight, mask
        weights = squared, reduction, denominator, skip_empty, 0, loss_weight
        return joints_mse_general_loss(plain, *inputs, *weights)
    options = squared, reduction == "mean", loss_weight
    if gradient_in_forward(output, target, plain):
        if plain:
            loss = apply_eagerly(output, target, target_weight, options)
        else:
            loss, _ = joints_mse_and_gradient(output, target, target_weight, *options)
    elif plain and not wants_gradient(output, target):
        loss = run_alone(output, target, target_weight, *options)
    else:
        loss = joints_mse(output, target, target_weight, *options)
    return loss


def check_denominator(operation: str, reduction: str, denominator: str) -> None:
    """Refuses a denominator where nothing is divided."""
    if reduction in ("sum", "none") and denominator != "all":
        expected = f"'all' with reduction {reduction!r}, which divides by nothing"
        raise arguments.value_error(operation, "denominator", expected, denominator)
