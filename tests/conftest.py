"""Fixtures that several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from lowerpose_ops import _native
from tests.emulated_cuda import EmulatedCore, not_here

# The machines that run this are shared: an example that takes long proves nothing.
# A device stays the same for all examples of a test.
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data that LOWERPOSE_DATA names."""
    if "LOWERPOSE_DATA" not in os.environ:
        pytest.skip("needs real data: set LOWERPOSE_DATA to its folder")
    return Path(os.environ["LOWERPOSE_DATA"])


@pytest.fixture(scope="session")
def coco_mini(data_folder: Path) -> Path:
    """159 COCO images in COCO's own layout."""
    folder = data_folder / "coco-mini"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    return folder


@pytest.fixture(scope="session")
def emulated_core() -> EmulatedCore:
    """The native module whose CUDA kernels run on the CPU; LOWERPOSE_EMULATED names its file.

    `make test` builds it where CUDA's headers are found.
    """
    if not os.environ.get("LOWERPOSE_EMULATED"):
        not_here("needs the emulated kernels: `make test` builds them where CUDA's headers are")
    return EmulatedCore(Path(os.environ["LOWERPOSE_EMULATED"]))


@pytest.fixture
def cuda() -> Iterator[None]:
    """Tensors are made on a GPU by default."""
    if not torch.cuda.is_available() or not _native.core.cuda_version:
        pytest.skip("needs a GPU, and a build with CUDA")
    torch.set_default_device("cuda")
    yield
    torch.set_default_device(None)


@pytest.fixture(params=["cpu", "cuda-emulated", "cuda"])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where a test's operations run: its tensors are made there by default."""
    if request.param == "cuda-emulated":
        monkeypatch.setattr(_native, "core", request.getfixturevalue("emulated_core"))
    elif request.param == "cuda":
        request.getfixturevalue("cuda")
    return str(request.param)


@pytest.fixture(params=["cpu", "cuda-emulated"])
def array_device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same for a test whose operations take NumPy arrays, which are never on a GPU."""
    if request.param == "cuda-emulated":
        monkeypatch.setattr(_native, "core", request.getfixturevalue("emulated_core"))
    return str(request.param)


@pytest.fixture
def quick_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """analyse.py writes a pixel for each chart."""
    from tests.analyse_runs import draw_no_charts  # what it needs is needed by few tests

    draw_no_charts(monkeypatch)


@pytest.fixture
def finder(monkeypatch: pytest.MonkeyPatch) -> type:
    """analyse.py finds the squats' joints in any pictures; its joints, scores and variances."""
    from tests.analyse_runs import find_squats

    return find_squats(monkeypatch)


@pytest.fixture
def bright(monkeypatch: pytest.MonkeyPatch) -> None:
    """predict.py's checkpoint is a network that finds bright spots."""
    from tests.predict_runs import find_bright_spots

    find_bright_spots(monkeypatch)
