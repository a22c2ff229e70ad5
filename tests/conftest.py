"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# The machines that run this are shared: an example that takes long proves nothing.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
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
