"""How much of the image a heatmap value sees: pixels that are set, against the layers' arithmetic.

With positive weights a network is monotone: from a black image, whose heatmaps are 0, one set pixel
raises exactly the heatmap values that see it, in float64 without any rounding to 0.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from python_models.models.dilated_cnn import DilatedCNN
from python_models.models.resnet18 import ResNet18
from python_models.models.resnet18_fpn import ResNet18FPN

Span = tuple[int, int]  # the first and the last pixel of a row that a value sees
Step = Callable[[Span], Span]


def conv(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Step:
    reach = dilation * (kernel - 1)
    return lambda s: (stride * s[0] - padding, stride * s[1] - padding + reach)


def transposed(s: Span) -> Span:
    """4x4, stride 2, padding 1: input i reaches outputs 2 i - 1 to 2 i + 2."""
    return (-(-(s[0] - 2) // 2), (s[1] + 1) // 2)


def bilinear(scale: int) -> Step:
    """Output o lies at (o + 0.5) / scale - 0.5, between two pixels; scale is even."""

    def left(o: int) -> int:
        return (2 * o + 1 - scale) // (2 * scale)

    return lambda s: (left(s[0]), left(s[1]) + 1)


def through(span: Span, *steps: tuple[Step, int]) -> Span:
    """From the last step to the first; each with the size of its input, where maps end."""
    for step, size in steps:
        first, last = step(span)
        span = max(first, 0), min(last, size - 1)
    return span


def block(size: int, *, halves: bool) -> list[tuple[Step, int]]:
    """A residual block, backwards; its shortcut sees less than its two convolutions."""
    first = (conv(3, 2, 1), 2 * size) if halves else (conv(3, 1, 1), size)
    return [(conv(3, 1, 1), size), first]


def trunk(size: int, level: int) -> list[tuple[Step, int]]:
    """Backwards from c3, c4 or c5 to the image."""
    steps = []
    for layer in range(level, 2, -1):
        here = size // 2**layer
        steps += block(here, halves=False) + block(here, halves=True)
    steps += 2 * block(size // 4, halves=False)
    return [*steps, (conv(3, 2, 1), size // 2), (conv(7, 2, 3), size)]


def resnet18_span(value: int, size: int) -> Span:
    up = [(transposed, size // 8), (transposed, size // 16), (transposed, size // 32)]
    return through((value, value), *up, *trunk(size, 5))


def fpn_span(value: int, size: int) -> Span:
    up = (transposed, size // 8)
    spans = [
        through((value, value), up, *trunk(size, 3)),
        through((value, value), up, (bilinear(2), size // 16), *trunk(size, 4)),
        through((value, value), up, (bilinear(4), size // 32), *trunk(size, 5)),
    ]
    return min(s[0] for s in spans), max(s[1] for s in spans)


def dilated_span(value: int, size: int) -> Span:
    blocks = [(conv(3, 1, d, d), size // 4) for d in (1, 4, 2, 1) for _ in range(2)]
    stem = [(conv(3, 2, 1), size // 2), (conv(7, 2, 3), size)]
    return through((value, value), (conv(3, 1, 1), size // 4), *blocks, *stem)


def monotone(model: torch.nn.Module) -> torch.nn.Module:
    """Positive weights of moderate sums, no biases, BatchNorm that passes everything."""
    for module in model.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            torch.nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
    return model.double().eval()


CASES = [
    (lambda: DilatedCNN(1), dilated_span, {147}),
    (lambda: ResNet18(1), resnet18_span, {467, 499}),
    (lambda: ResNet18FPN(1), fpn_span, {467, 499}),
]
NAMES = ["dilated_cnn", "resnet18", "resnet18_fpn"]


@pytest.mark.parametrize(("model", "span", "sizes"), CASES, ids=NAMES)
def test_far_from_the_border(model, span, sizes):
    """The numbers in the docstrings."""
    seen = (span(value, 2048) for value in range(200, 264))
    assert {last - first + 1 for first, last in seen} == sizes


@pytest.mark.parametrize(("model", "span", "sizes"), CASES, ids=NAMES)
@pytest.mark.parametrize("vertical", [True, False], ids=["rows", "columns"])
def test_a_pixel_raises_the_values_that_see_it(model, span, sizes, vertical):
    size, thin = 640, 32
    network = monotone(model())
    spans = [span(value, size) for value in range(size // 4)]
    ends = spans[80] + spans[83]
    pixels = [0, 300, 639, *ends, *(end - 1 for end in ends), *(end + 1 for end in ends)]
    images = torch.zeros(1 + len(pixels), 3, size, thin, dtype=torch.float64)
    for image, pixel in zip(images[1:], pixels, strict=True):
        image[:, pixel] = 1
    if not vertical:
        images = images.transpose(2, 3)
    with torch.no_grad():
        maps = network(images)[:, 0]
    assert not maps[0].any()
    raised = (maps[1:] > 0).any(2 if vertical else 1)
    for pixel, values in zip(pixels, raised, strict=True):
        expected = [first <= pixel <= last for first, last in spans]
        assert values.tolist() == expected, pixel
        assert not all(expected), "the image is too small to see an end"


def test_attention_sees_the_whole_image():
    """Its queries and keys may weigh a place little, but never with 0."""
    torch.manual_seed(0)
    network = ResNet18FPN(1, self_attention=True).double().eval()
    network.attention.gain.data.fill_(1.0)
    images = torch.randn(1, 3, 1024, 32, dtype=torch.float64).repeat(2, 1, 1, 1)
    images[1, :, 1000:] += 1
    with torch.no_grad():
        with_attention = network(images)[:, 0, 0]
        network.attention.gain.zero_()
        without = network(images)[:, 0, 0]
    assert torch.equal(without[0], without[1])
    assert not torch.equal(with_attention[0], with_attention[1])
