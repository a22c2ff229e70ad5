"""The processes and devices of a run: this one alone, or those that torchrun started."""

from __future__ import annotations

import logging
import os

import torch
from lightning_fabric import Fabric


def launched_fabric(
    accelerator: str = "auto", precision: str = "32-true", deterministic: bool = False
) -> Fabric:
    """Lightning's Fabric for one device, or for one device a process under torchrun.

    Args:
        accelerator: "cpu", "cuda", or "auto": a GPU where there is one.
        precision: "32-true", "bf16-mixed" or "16-mixed".
        deterministic: Whether torch refuses operations that may give other bits every time.

    Raises:
        ValueError: There is no such device here, or it has no such precision.
    """
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if accelerator == "cuda" and not torch.cuda.is_available():
        raise ValueError("accelerator must be cpu on this machine, got cuda: torch sees no GPU")
    if accelerator == "cpu" and precision == "16-mixed":
        raise ValueError("precision must be 32-true or bf16-mixed on a CPU, got 16-mixed")
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator=accelerator,
        devices=here,
        num_nodes=ranks // here,
        strategy="ddp" if ranks > 1 else "auto",
        precision=precision,  # type: ignore[arg-type]  # its literal type
    )
    fabric.launch()
    return fabric
