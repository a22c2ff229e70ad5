"""`python -m lowerpose_ops`: what is installed here, for bug reports."""

from __future__ import annotations

import ctypes
import platform
from importlib.metadata import PackageNotFoundError, version

from . import __version__
from ._native import core


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cuda() -> str:
    if not core.cuda_version:
        return "not built"
    return f"toolkit {core.cuda_version}, for {core.cuda_architectures}"


def _driver() -> str:
    """The newest CUDA version that the machine's driver knows."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "none"
    version = ctypes.c_int()
    if driver.cuDriverGetVersion(ctypes.byref(version)) != 0:
        return "does not answer"
    return f"for CUDA up to {version.value // 1000}.{version.value % 1000 // 10}"


def main() -> None:
    """Prints one fact a line."""
    facts = {
        "lowerpose_ops": __version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "numpy": _version("numpy"),
        "torch": _version("torch"),
        "SIMD": core.simd_level(),
        "threads": core.usable_threads(0),
        "CUDA": _cuda(),
        "CUDA driver": _driver(),
    }
    for name, fact in facts.items():
        print(f"{name:14} {fact}")


if __name__ == "__main__":
    main()
