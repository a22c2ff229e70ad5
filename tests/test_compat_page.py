"""docs/compat.md names what there is, and says what `fixed` changes where there is `fixed`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lowerpose_ops.compat import hrnet, kornia, lower_body, mmpose
from tests.compat_signatures import keyword_only

PAGE = (Path(__file__).parent.parent / "docs" / "compat.md").read_text()


@pytest.mark.parametrize("module", [lower_body, hrnet, mmpose, kornia])
def test_the_page_names_every_function(module):
    section = PAGE.split(f"\n## {module.__name__.rpartition('.')[2]}\n")[1].split("\n## ")[0]
    told = {}
    for names, fixed in re.findall(r"^\| (`.+?) \| ?(.*?) ?\|$", section, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            told[name] = bool(fixed.strip())
    told.pop("fixed", None)
    there = {n: getattr(module, n) for n in module.__all__ if n not in ("IN_W", "IN_H", "register")}
    assert told == {name: "fixed" in keyword_only(function) for name, function in there.items()}
