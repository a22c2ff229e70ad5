"""How exactly joints come back from heatmaps: makes docs/decode_accuracy.md and its pictures.

    python -m benchmarks.decode_accuracy

Seeded: the same numbers on every machine, but for the last digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch

import lowerpose_ops as lp

DOCS = Path(__file__).parent.parent / "docs"
REFINEMENTS = ("none", "quarter", "gradient", "parabola", "log_parabola", "dark", "dark_udp")
NOISES = (0.0, 0.01, 0.02, 0.05)
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
HEATMAP, INPUT = (48, 64), (192, 256)  # (W, H)
COUNT = 8000


def places(size: tuple[int, int], margin: float, seed: int) -> torch.Tensor:
    """Random (x, y), [COUNT, 1, 2], at least `margin` from the border."""
    rng = np.random.default_rng(seed)
    high = np.array(size) - 1 - margin
    return torch.tensor(rng.uniform(margin, high, (COUNT, 1, 2)), dtype=torch.float32)


def rmse(difference: torch.Tensor) -> float:
    """The root of the mean squared length."""
    return float(difference.double().square().sum(-1).mean().sqrt())


def refinement_errors() -> dict[tuple[str, str, float], float]:
    """RMSE in heatmap pixels, by refinement, type of the maps and noise."""
    joints = places(HEATMAP, 12, seed=0)
    exact, _ = lp.gaussian_targets(joints, torch.ones(COUNT, 1), HEATMAP)
    noise = torch.randn(exact.shape, generator=torch.Generator().manual_seed(1))
    errors = {}
    for level in NOISES:
        for name, dtype in DTYPES.items():
            maps = (exact + level * noise).to(dtype)
            for refine in REFINEMENTS:
                coords, _ = lp.decode_heatmaps(maps, refine)
                errors[refine, name, level] = rmse(coords - joints)
    return errors


# Noise, sigma, blur_kernel.
CALIBRATED = [
    *((level, 2.0, 11) for level in NOISES[1:]),
    *((0.02, sigma, kernel) for sigma, kernel in ((1.0, 11), (1.5, 11), (3.0, 11), (3.0, 17))),
    *((0.02, 2.0, kernel) for kernel in (3, 7)),
]
Shares = dict[tuple[float, float, int], tuple[float, float, float]]


def covariance_shares() -> Shares:
    """RMSE, and which share of the errors lies in the ellipses of 68 and 95 %."""
    joints = places(HEATMAP, 12, seed=2)
    shares = {}
    for level, sigma, kernel in CALIBRATED:
        exact, _ = lp.gaussian_targets(joints, torch.ones(COUNT, 1), HEATMAP, sigma)
        noise = torch.randn(exact.shape, generator=torch.Generator().manual_seed(3))
        coords, _, covariance = lp.decode_heatmaps(
            exact + level * noise, "dark", covariance=True, blur_kernel=kernel
        )
        errors = (coords - joints)[:, 0].double()
        solved = torch.linalg.solve(covariance[:, 0].double(), errors)
        distances = (errors * solved).sum(-1)
        within = [float((distances <= -2 * math.log(1 - q)).double().mean()) for q in (0.68, 0.95)]
        shares[level, sigma, kernel] = (rmse(coords - joints), within[0], within[1])
    return shares


# Encode -> decode -> input pixels ---------------------------------------------------------------

Decode = Callable[[torch.Tensor], torch.Tensor]


def decoder(refine: str = "quarter", **options: object) -> Decode:
    return lambda maps: lp.decode_heatmaps(maps, refine, **options)[0]  # type: ignore[call-overload,no-any-return]


def round_trips() -> dict[str, tuple[float, float]]:
    """RMSE and mean error along x, in input pixels, of each project's own pair."""
    stride = torch.tensor([i / h for i, h in zip(INPUT, HEATMAP, strict=True)])
    aligned = torch.tensor([(i - 1) / (h - 1) for i, h in zip(INPUT, HEATMAP, strict=True)])
    drifting = torch.tensor([i / (h - 1) for i, h in zip(INPUT, HEATMAP, strict=True)])
    soft: Decode = lambda maps: lp.soft_argmax2d(maps, 100.0)  # noqa: E731
    pairs: dict[str, tuple[str, torch.Tensor, Decode, torch.Tensor]] = {
        "exact, dark": ("exact", stride, decoder("dark"), stride),
        "exact, log_parabola": ("exact", stride, decoder("log_parabola"), stride),
        "exact, quarter": ("exact", stride, decoder("quarter"), stride),
        "exact, none": ("exact", stride, decoder("none"), stride),
        "lower_body (soft-argmax, beta 100)": ("lower_body", stride, soft, stride),
        "hrnet": ("hrnet", stride, decoder(preset="hrnet"), stride),
        "mmpose_msra": ("mmpose_msra", stride, decoder(preset="mmpose_msra"), stride),
        "mmpose_msra, dark": ("mmpose_msra", stride, decoder("dark"), stride),
        "mmpose_udp, its own back-transform": (
            *("mmpose_udp", aligned),
            *(decoder(preset="mmpose_udp"), drifting),
        ),
        "mmpose_udp, size - 1 both ways": (
            *("mmpose_udp", aligned),
            *(decoder(preset="mmpose_udp"), aligned),
        ),
        "hourglass": ("hourglass", stride, decoder(preset="hourglass"), stride),
        "hourglass, decoded with fixed=True": (
            *("hourglass", stride),
            *(decoder(preset="hourglass", fixed=True), stride),
        ),
    }
    joints = places(INPUT, 48, seed=4)
    results = {}
    for name, (targets, into, decode, back) in pairs.items():
        sigma = 1.0 if targets == "hourglass" else 2.0
        maps, _ = lp.gaussian_targets(
            joints / into, torch.ones(COUNT, 1), HEATMAP, sigma, preset=targets
        )
        error = decode(maps) * back - joints
        results[name] = (rmse(error), float(error[..., 0].double().mean()))
    return results


# What is written --------------------------------------------------------------------------------


def draw(
    errors: dict[tuple[str, str, float], float], trips: dict[str, tuple[float, float]]
) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    for refine in REFINEMENTS:
        shown = [max(errors[refine, "float32", level], 1e-6) for level in NOISES]
        left.plot(range(len(NOISES)), shown, marker="o", label=refine)
    bound = [math.nan, *(level * 2 / math.sqrt(math.pi) for level in NOISES[1:])]
    left.plot(range(len(NOISES)), bound, "k--", label="Cramer-Rao")
    left.set(yscale="log", xlabel="noise", ylabel="RMSE, heatmap pixels (zero drawn at 1e-6)")
    left.set_xticks(range(len(NOISES)), [str(level) for level in NOISES])
    left.set_title("float32 heatmaps, sigma 2")
    left.legend(fontsize=8)
    names = list(trips)[::-1]
    right.barh(names, [trips[name][0] for name in names])
    right.set(xlabel="RMSE, input pixels at stride 4")
    right.set_title("encode, decode, back to the input")
    figure.savefig(DOCS / "decode_accuracy.png", dpi=110)
    plt.close(figure)


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def page(
    errors: dict[tuple[str, str, float], float],
    shares: Shares,
    trips: dict[str, tuple[float, float]],
) -> str:
    names = [(dtype, level) for level in NOISES for dtype in DTYPES]
    by_refinement = table(
        ["refinement", *(f"{dtype}, s = {level:g}" for dtype, level in names)],
        [[r, *(f"{errors[r, d, level]:.3g}" for d, level in names)] for r in REFINEMENTS],
    )
    bounds = ", ".join(f"{level * 2 / math.sqrt(math.pi):.3g}" for level in NOISES[1:])
    by_noise = table(
        ["noise", "sigma", "blur_kernel", "RMSE", "in the 68 % ellipse", "in the 95 % ellipse"],
        [
            [f"{level:g}", f"{sigma:g}", str(kernel), f"{size:.3g}", f"{a:.1%}", f"{b:.1%}"]
            for (level, sigma, kernel), (size, a, b) in shares.items()
        ],
    )
    by_pair = table(
        ["pair", "RMSE", "mean error along x"],
        [[name, f"{size:.3f}", f"{bias:+.3f}"] for name, (size, bias) in trips.items()],
    )
    return f"""# How exactly joints come back from heatmaps

Made by `python -m benchmarks.decode_accuracy`.

![The tables below as a chart](decode_accuracy.png)

## Refinements

RMSE in heatmap pixels (both axes together) on {COUNT} Gaussians of sigma 2 about random places, 12
pixels and more from the border, with white noise of standard deviation s.

{by_refinement}

Nothing unbiased can be better than s * 2 / sqrt(pi) (Cramer and Rao), which is {bounds}.
In 16 bits the rounding of the map is a noise of its own: bfloat16 has 8 bits.

## The covariance of "dark"

{by_noise}

The ellipses are right whatever the blur; a blur that fits the Gaussians makes them small.

## Round trips

Joints of a {INPUT[0]} x {INPUT[1]} input, drawn into heatmaps of {HEATMAP[0]} x {HEATMAP[1]},
decoded and brought back, in input pixels. The first word is the preset of the targets. Sigma is 2,
and 1 for hourglass.

{by_pair}

A centre that is rounded to a pixel costs more than one input pixel at stride 4, whatever decodes
it: the joint's place between the pixels is not in the map. MMPose's UDP codec multiplies by
size / (heatmap size - 1) on the way back, not by (size - 1) / (heatmap size - 1): its joints drift
to the right and downwards, unless its whole top-down pipeline is used, which undoes that. Hourglass
moves a peak with equal neighbours a quarter pixel back on either axis; `fixed=True` does not.
"""


def main() -> None:
    errors, shares, trips = refinement_errors(), covariance_shares(), round_trips()
    draw(errors, trips)
    (DOCS / "decode_accuracy.md").write_text(page(errors, shares, trips))


if __name__ == "__main__":
    main()
