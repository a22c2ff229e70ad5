"""Runs a script as several ranks of torch.distributed, with torchmetrics or without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run_ranks(code: str, folder: Path, *, ranks: int, torchmetrics: bool) -> list[str]:
    """What each rank prints. The code finds torch, distributed, lp, rank and ranks."""
    folder = folder / uuid.uuid4().hex
    folder.mkdir()
    facts = {"script": code, "folder": str(folder), "ranks": ranks, "torchmetrics": torchmetrics}
    finished = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "forked_ranks.py")],
        input=json.dumps(facts),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert finished.returncode == 0, finished.stderr
    statuses = json.loads(finished.stdout)
    for rank, status in enumerate(statuses):
        assert status == 0, (folder / f"err{rank}").read_text()
    return [(folder / f"out{rank}").read_text() for rank in range(ranks)]
