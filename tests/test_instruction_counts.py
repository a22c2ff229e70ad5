"""The CPU kernels take as many instructions as they did: a guard that no other program disturbs."""

from __future__ import annotations

import json

import pytest

from tests.instruction_counts import KEPT, NotPossible, count, counts_of

# Where the compiler puts a few instructions changes with the code around them.
SHARE = 0.05


def test_what_a_dump_says():
    dump = "\n".join(
        [
            "desc: Trigger: Client Request: the kernel",
            "positions: line",
            "ob=(1) /usr/lib/libc.so.6",
            "fn=(1) memcpy",
            "0 5",
            "ob=(2) /somewhere/_C.so",
            "fn=(2) kernel",
            "0 100",
            "cob=(3) /usr/lib/libm.so.6",
            "cfn=(3) exp",
            "calls=7 0",
            "0 700",
            "+3 20",
            "ob=(3)",
            "fn=(3)",
            "0 700",
            "totals: 825",
        ]
    )
    name, counts = counts_of(dump)
    assert name == "the kernel"
    assert counts == {"/usr/lib/libc.so.6": 5, "/somewhere/_C.so": 120, "/usr/lib/libm.so.6": 700}


@pytest.fixture(scope="module")
def found():
    try:
        return count()
    except NotPossible as missing:
        pytest.skip(str(missing))


def test_counts_are_what_they_were(found):
    """`make instructions` writes them anew, when a change is meant."""
    kept = json.loads(KEPT.read_text())
    for what in ("compiler", "simd"):
        if found[what] != kept[what]:
            pytest.skip(f"counted for {what} {kept[what]}; here it is {found[what]}")
    assert found["instructions"].keys() == kept["instructions"].keys()
    changes = {
        name: f"{kept['instructions'][name]} -> {instructions}"
        for name, instructions in found["instructions"].items()
        if abs(instructions / kept["instructions"][name] - 1) > SHARE
    }
    assert not changes


def test_every_kernel_was_counted(found):
    """A count below a tenth of an instruction a pixel or a joint was not the kernel's."""
    assert len(found["instructions"]) >= 17
    assert min(found["instructions"].values()) > 20_000
