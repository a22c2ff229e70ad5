"""The same training with three forms of one loss: makes docs/loss_curves.md and its picture.

    python -m benchmarks.loss_curves path/to/coco-mini

The dilated network learns from the same batches, from the same first weights: with targets and loss
in plain torch, with gaussian_targets and JointsMSELoss, and with GaussianJointsMSELoss.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import torch
from torch import Tensor

import lowerpose_ops as lp
from benchmarks.peers import whole_map
from python_models.data.coco_lower_body import CocoLowerBody, collate
from python_models.data.normalise import normalised
from python_models.models.dilated_cnn import DilatedCNN

DOCS = Path(__file__).parent.parent / "docs"
STEPS, BATCH, STRIDE, SIGMA, SEED = 50, 16, 4, 2.0, 0
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]  # heatmaps, joints in their pixels, visible


def plain_torch(heatmaps: Tensor, joints: Tensor, visible: Tensor) -> Tensor:
    """As the formula is written."""
    x = torch.arange(heatmaps.shape[3]) - joints[..., :1]
    y = torch.arange(heatmaps.shape[2]) - joints[..., 1:]
    target = torch.exp(-(x[..., None, :] ** 2 + y[..., None] ** 2) / (2 * SIGMA**2))
    weight = (visible >= 0.5).to(heatmaps.dtype)[..., None]
    return whole_map(heatmaps, target * weight[..., None], weight)


def drawn_first(heatmaps: Tensor, joints: Tensor, visible: Tensor) -> Tensor:
    """Two operations, and a target between them."""
    size = (heatmaps.shape[3], heatmaps.shape[2])
    return lp.joints_mse_loss(heatmaps, *lp.gaussian_targets(joints, visible, size, SIGMA))


def fused(heatmaps: Tensor, joints: Tensor, visible: Tensor) -> Tensor:
    """One."""
    return lp.gaussian_joints_mse_loss(heatmaps, joints, visible, sigma=SIGMA)


LOSSES = {
    "plain torch": plain_torch,
    "gaussian_targets, then JointsMSELoss": drawn_first,
    "GaussianJointsMSELoss": fused,
}


def curve(loss: Loss, batches: list[tuple[Tensor, Tensor, Tensor]], steps: int) -> list[float]:
    """The loss before each step; batches of images, joints in input pixels and visibilities."""
    torch.manual_seed(SEED)
    model = DilatedCNN(num_joints=batches[0][1].shape[1])
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    losses = []
    for step in range(steps):
        images, joints, visible = batches[step % len(batches)]
        optimizer.zero_grad(set_to_none=True)
        value = loss(model(images), joints / STRIDE, visible)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


def batches_of(folder: Path) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The persons of a COCO folder's train split, as whole batches."""
    data = CocoLowerBody.from_root(folder, "train")
    batches = []
    for first in range(0, len(data) - BATCH + 1, BATCH):
        samples = collate([data[index] for index in range(first, first + BATCH)])["samples"]
        assert samples is not None
        batches.append((normalised(samples["image"]), samples["joints"], samples["visible"]))
    return batches


def draw(curves: dict[str, list[float]], path: Path) -> None:
    """All curves above, and below how far they are from the first."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(7, 6), layout="constrained")
    plain = torch.tensor(next(iter(curves.values())), dtype=torch.float64)
    for (name, losses), style in zip(curves.items(), ("-", "--", ":"), strict=True):
        values = torch.tensor(losses, dtype=torch.float64)
        steps = range(1, len(losses) + 1)
        above.semilogy(steps, values, style, linewidth=2.5, label=name)
        if losses is not curves["plain torch"]:
            below.semilogy(steps, (values / plain - 1).abs().clamp(min=1e-9), style, label=name)
    above.set(ylabel="loss")
    below.set(xlabel="step", ylabel="relative difference from plain torch")
    above.legend()
    below.legend()
    figure.savefig(path, dpi=100)


def page(curves: dict[str, list[float]]) -> str:
    """The text of docs/loss_curves.md."""
    names = list(curves)
    plain, pair, ours = curves.values()
    lines = [
        "# The same loss, three times",
        "",
        "Made by `python -m benchmarks.loss_curves path/to/coco-mini`.",
        "",
        "![The curves, and their differences](loss_curves.png)",
        "",
        f"The dilated network (192 x 256 input) on {BATCH} persons a step, from the same first",
        f"weights, over the same batches, {STEPS} steps of Adam at 0.001, on the CPU. Our two",
        "forms give the same bits. Plain torch rounds otherwise, and training amplifies what the",
        "last digit makes of the first step.",
        "",
        f"| step | {' | '.join(names)} | GaussianJointsMSELoss / plain torch - 1 |",
        "|--:|--:|--:|--:|--:|",
    ]
    for step in (1, 2, 5, 10, 20, 30, 40, 50):
        values = [losses[step - 1] for losses in (plain, pair, ours)]
        numbers = " | ".join(f"{value:.9f}" for value in values)
        lines.append(f"| {step} | {numbers} | {values[2] / values[0] - 1:.1e} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Trains three times and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder in COCO's layout")
    batches = batches_of(parser.parse_args().data)
    curves = {name: curve(loss, batches, STEPS) for name, loss in LOSSES.items()}
    draw(curves, DOCS / "loss_curves.png")
    (DOCS / "loss_curves.md").write_text(page(curves))
    print(page(curves))


if __name__ == "__main__":
    main()
