"""The mean squared error of each sample's hardest joints."""

from __future__ import annotations

from torch import Tensor

from .. import _arguments as arguments
from .. import presets
from .._library import check_no_gradient, check_tensors, has_tangent
from .._plain import is_plain
from .joints_mse_general import joints_mse_general_loss

_NAME = "joints_ohkm_mse_loss"


def joints_ohkm_mse_loss(
    output: Tensor | list[Tensor] | tuple[Tensor, ...],
    target: Tensor,
    target_weight: Tensor | None = None,
    *,
    topk: int = 8,
    preset: str = "hrnet",
    loss_weight: float = 1.0,
) -> Tensor:
    """The mean squared error of the `topk` joints of each sample that have the largest.

    Online hard keypoint mining: a joint's loss is the mean over its map of target_weight^2 *
    (output - target)^2, halved or not; a sample's is the sum over its topk largest, divided by
    topk; the loss is the mean over the samples. Of equal joints those with lower indices are taken,
    always, and a NaN counts as the largest, so that it shows. Only the joints that are taken get a
    gradient.

    Args:
        output: [B, K, H, W], float32, float16, bfloat16 or float64, of any strides. Or a list or
            tuple of such outputs, as stacked networks give them: the loss is the sum of theirs.
        target: Of the same shape, of any of these dtypes and any strides. It may require a gradient
            too.
        target_weight: [B, K, 1] or [B, K]; bool, uint8, a signed integer or a floating type. None
            is 1 everywhere, for a batch of one too (where HRNet raises an IndexError). It must not
            require a gradient.
        topk: How many joints of each sample count, from 1 to K. Joints with weight 0 are among them
            only if fewer others have a loss.
        preset: "hrnet", with target_weight squared and a factor 1/2; "mmpose" and "lower_body",
            with target_weight squared; or "document", with target_weight itself.
        loss_weight: A factor on the loss.

    Returns:
        The loss, without dimensions, in float32, or float64 if a map is; 0 for an empty batch.
        Arithmetic and gradients are as in joints_mse_loss.

    Raises:
        TypeError: An argument is of another type or dtype.
        ValueError: Shapes or devices differ; topk is not from 1 to K; a word is unknown;
            loss_weight is not finite; target_weight requires a gradient; the list of outputs is
            empty.

    Example:
        >>> output = torch.tensor([1.0, 3.0, 2.0]).reshape(1, 3, 1, 1).expand(1, 3, 64, 48)
        >>> joints_ohkm_mse_loss(output, torch.zeros(1, 3, 64, 48), topk=2, preset="mmpose")
        tensor(6.5000)

    The method is that of the Cascaded Pyramid Network (Chen et al., CVPR 2018); "hrnet" computes
    what HRNet's JointsOHKMMSELoss does, "mmpose" what MMPose's KeypointOHKMMSELoss does.
    """
    if isinstance(output, (list, tuple)):
        losses = [
            joints_ohkm_mse_loss(
                stage, target, target_weight, topk=topk, preset=preset, loss_weight=loss_weight
            )
            for stage in arguments.stages(_NAME, output)
        ]
        return sum(losses[1:], start=losses[0])
    tensors = {"output": output, "target": target}
    if target_weight is not None:
        tensors["target_weight"] = target_weight
    plain = is_plain(*tensors.values())
    if not plain:  # else native code checks the devices
        check_tensors(_NAME, **tensors)
    if target_weight is not None:
        check_no_gradient(_NAME, "target_weight", target_weight)
        if target_weight.ndim == 4:
            expected = "[B, K] or [B, K, 1]"
            shape = list(target_weight.shape)
            raise arguments.value_error(_NAME, "target_weight", expected, shape)
    if has_tangent(output) or has_tangent(target):
        raise ValueError(f"{_NAME}: forward-mode differentiation is not available")
    arguments.choice(_NAME, "preset", preset, presets.OHKM_LOSSES)
    topk = arguments.topk(_NAME, topk)
    loss_weight = arguments.number(_NAME, "loss_weight", loss_weight)
    weighting = presets.OHKM_LOSSES[preset]
    if weighting.half:
        loss_weight = 0.5 * loss_weight
    options = weighting.squared_weight, "hardest", "all", False, topk, loss_weight
    return joints_mse_general_loss(plain, output, target, target_weight, None, *options)
