"""`python -m lowerpose_ops`: what is installed here, for bug reports."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from . import __version__
from ._native import core


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Prints one fact a line."""
    cuda = f"toolkit {core.cuda_version}, no kernels yet" if core.cuda_version else "not built"
    facts = {
        "lowerpose_ops": __version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "numpy": _version("numpy"),
        "torch": _version("torch"),
        "SIMD": core.simd_level(),
        "threads": core.usable_threads(0),
        "CUDA": cuda,
    }
    for name, fact in facts.items():
        print(f"{name:14} {fact}")


if __name__ == "__main__":
    main()
