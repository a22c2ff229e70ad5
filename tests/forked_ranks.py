"""Runs a script as ranks of torch.distributed: forks of one process, which imports torch for all.

Its input is JSON: the script, the folder for what the ranks print, how many there are, and whether
torchmetrics is there. It prints the ranks' exit statuses.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path


def run(facts, rank):
    """In a fork. It ends here, whatever happens."""
    folder, ranks = Path(facts["folder"]), facts["ranks"]
    for name, descriptor in (("out", 1), ("err", 2)):
        os.dup2(os.open(folder / f"{name}{rank}", os.O_WRONLY | os.O_CREAT), descriptor)
    import torch
    from torch import distributed

    import lowerpose_ops

    status = 1
    try:
        if ranks > 1:
            distributed.init_process_group(
                "gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=ranks
            )
        names = {"torch": torch, "distributed": distributed, "lp": lowerpose_ops}
        exec(facts["script"], names | {"__name__": "__main__", "rank": rank, "ranks": ranks})
        if ranks > 1:
            distributed.destroy_process_group()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main():
    facts = json.load(sys.stdin)
    if not facts["torchmetrics"]:
        sys.modules["torchmetrics"] = None  # as if it were not installed
    import torch

    import lowerpose_ops

    lowerpose_ops.metrics.PCK  # noqa: B018  # imports torchmetrics, where it is installed
    torch.set_num_threads(1)  # no thread before the forks
    assert (sys.modules["torchmetrics"] is not None) == facts["torchmetrics"]
    children = []
    for rank in range(facts["ranks"]):
        child = os.fork()
        if child == 0:
            run(facts, rank)
        children.append(child)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))


if __name__ == "__main__":
    main()
