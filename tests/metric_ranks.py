"""Runs a script as several ranks of torch.distributed, with torchmetrics or without it."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).parent.parent

PREAMBLE = """
import sys
if {hidden}:
    sys.modules["torchmetrics"] = None  # as if it were not installed
import torch, lowerpose_ops as lp
from torch import distributed
rank, ranks = {rank}, {ranks}
if ranks > 1:
    distributed.init_process_group(
        "gloo", init_method="file://{store}", rank=rank, world_size=ranks
    )
"""

GOODBYE = """
assert ("torchmetrics" in sys.modules) and (sys.modules["torchmetrics"] is None) == {hidden}
if ranks > 1:
    distributed.destroy_process_group()
"""


def run_ranks(code: str, folder: Path, *, ranks: int, torchmetrics: bool) -> list[str]:
    """What each rank prints. The code finds torch, distributed, lp, rank and ranks."""
    store = folder / uuid.uuid4().hex
    children = []
    for rank in range(ranks):
        facts = {"hidden": not torchmetrics, "rank": rank, "ranks": ranks, "store": store}
        script = PREAMBLE.format(**facts) + code + GOODBYE.format(**facts)
        children.append(
            subprocess.Popen(
                [sys.executable, "-c", script],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            )
        )
    results = [child.communicate(timeout=300) for child in children]
    for child, (_, errors) in zip(children, results, strict=True):
        assert child.returncode == 0, errors
    return [out for out, _ in results]
