"""What a run was made on: the machine, the versions and the commit."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")

# What is measured, and whatever may be measured against it.
PACKAGES = (
    *("lowerpose_ops", "numpy", "torch", "kornia", "opencv-python-headless", "scipy"),
    *("pycocotools", "hotcoco", "faster-coco-eval", "transformers"),
)


def cpu_name() -> str:
    """As Linux names it."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def caches() -> dict[str, int]:
    """Bytes of the first core's data caches by level, as Linux tells them."""
    sizes = {}
    for folder in sorted(CACHES.glob("index*")):
        if (folder / "type").read_text().strip() == "Instruction":
            continue
        number, unit = re.fullmatch(r"(\d+)([KM]?)", (folder / "size").read_text().strip()).groups()
        sizes["L" + (folder / "level").read_text().strip()] = int(number) * {
            "": 1, "K": 2**10, "M": 2**20,
        }[unit]  # fmt: skip
    return sizes


def gpu_name() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""


def memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = ""
    return found


def answer(*command: str) -> str:
    """What a command prints, or nothing if it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def commit() -> str:
    changed = answer("git", "status", "--porcelain", "--untracked-files=no")
    return answer("git", "rev-parse", "HEAD") + (" with changes" if changed else "")


def simd_level() -> str:
    found = re.search(r"^SIMD\s+(\S+)", answer(sys.executable, "-m", "lowerpose_ops"), re.M)
    return found[1] if found else ""


def facts() -> dict[str, Any]:
    """Everything that a reader may want to know of a run, at its beginning."""
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "simd": simd_level(),
        "caches": caches(),
        "memory": memory(),
        "gpu": gpu_name(),
        "system": platform.platform(),
        "versions": versions(),
        "commit": commit(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "load": os.getloadavg()[0],
    }


def slug(facts: dict[str, Any]) -> str:
    """A folder's name for the machine."""
    words = f"{facts['cpu']} {facts['cores']} cores {facts['gpu']}".lower()
    words = re.sub(r"\((r|tm)\)", "", words)
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")
