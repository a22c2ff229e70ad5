"""The lifters by their names on the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from python_models.models.lifter import Lifter
from python_models.models.sem_gcn import SemGCN
from python_models.models.standard_lifter import StandardLifter, predicted_joints
from python_models.motion.skeletons import Skeleton


def _martinez(source: Skeleton, outputs: tuple[str, ...], **sizes: Any) -> nn.Module:
    return Lifter(len(source), len(outputs), **sizes)


LIFTERS: dict[str, Callable[..., nn.Module]] = {
    "martinez": _martinez,
    "sem_gcn": SemGCN,
    "sem_gcn_local": partial(SemGCN, non_local=False),
}
"""Each is called with the skeleton of its keypoints and the names of the joints that it finds."""

MAX_NORMS = {"martinez": 1.0}
"""The longest weights into a unit, for those whose papers have a limit."""


def make_lifter(
    name: str,
    source: Skeleton,
    target: Skeleton,
    *,
    width: int | None = None,
    blocks: int | None = None,
    dropout: float | None = None,
) -> StandardLifter:
    """A lifter of a name among `LIFTERS`, with its units; what is not given is as in its paper.

    Raises:
        ValueError: The source has not all joints that a graph network needs; a number is out of
            its range.
    """
    sizes = {"width": width, "blocks": blocks, "dropout": dropout}
    given = {size: value for size, value in sizes.items() if value is not None}
    network = LIFTERS[name](source, predicted_joints(target), **given)
    return StandardLifter(network, len(source), target)
