"""Imports, processes and threads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lowerpose_ops as lp
from lowerpose_ops import _native


def run(code: str, **environment: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_importing_and_using_arrays_imports_no_torch():
    out = run(
        "import sys, numpy as np, lowerpose_ops as lp\n"
        "targets, weights = lp.gaussian_targets(np.zeros((2, 6, 2)), np.ones((2, 6)), (48, 64))\n"
        "coords, scores = lp.decode_heatmaps(targets)\n"
        "lp.pck(coords, coords, weights, 64)\n"
        "lp.LOWER_BODY_JOINTS, lp.__version__\n"
        "print('torch' in sys.modules)"
    )
    assert out.strip() == "False"


def test_without_torch_arrays_work_and_tensors_are_explained():
    """A finder that refuses torch stands for an environment without it."""
    out = run(
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "import numpy as np, lowerpose_ops as lp\n"
        "print(lp.gaussian_targets(np.zeros((6, 2)), np.ones(6), (48, 64))[0].shape)\n"
        "try:\n"
        "    lp.decode_heatmaps([[0.0]])\n"
        "except TypeError as error:\n"
        "    print(error)\n"
        "try:\n"
        "    lp.JointsMSELoss\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error.name)\n"
    )
    assert out.splitlines() == [
        "(6, 64, 48)",
        "decode_heatmaps: heatmaps must be a NumPy array or a torch tensor, got list",
        "torch",
    ]


def test_the_command_prints_what_is_installed():
    code = "import runpy; runpy.run_module('lowerpose_ops', run_name='__main__')"
    facts = dict(line.split(maxsplit=1) for line in run(code).splitlines())
    assert set(facts) == {"lowerpose_ops", "python", "numpy", "torch", "SIMD", "threads", "CUDA"}
    assert facts["lowerpose_ops"] == lp.__version__
    assert facts["SIMD"] == _native.core.simd_level()


def test_a_source_folder_without_the_native_module_says_so(tmp_path):
    source = Path(lp.__file__).parent
    (tmp_path / "lowerpose_ops").mkdir()
    for file in source.glob("*.py"):
        shutil.copy(file, tmp_path / "lowerpose_ops")
    # Isolated, so that neither an installed package nor an editable one is found first.
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(Path(np.__file__).parents[1])!r}]\n"
        "try:\n"
        "    import lowerpose_ops\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert "the native module _C cannot be imported" in finished.stdout
    assert "pip install -e ." in finished.stdout


def test_public_names():
    for name in lp.__all__:
        assert getattr(lp, name) is not None
    assert set(lp.__all__) <= set(dir(lp))
    with pytest.raises(AttributeError, match="has no attribute 'joints_mse_los'"):
        lp.joints_mse_los  # noqa: B018


def test_a_forked_child_that_uses_an_operation_first_works():
    """Torch has started the threads that both share; the parent used no operation of ours."""
    out = run(
        "import lowerpose_ops as lp, os, signal, torch, numpy as np\n"
        "values = torch.rand(2000, 2000); (values + values).sum()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(60)\n"
        "    lp.gaussian_targets(np.zeros((64, 6, 2)), np.ones((64, 6)), (48, 64))\n"
        "    os._exit(0)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n",
        OMP_NUM_THREADS="4",
    )
    assert out.split() == ["0"]


def test_threads_are_as_many_as_asked_for():
    assert _native.core.usable_threads(5) == 5
    assert _native.core.usable_threads(0) >= 1


def test_arrays_do_not_wait_for_a_torch_that_is_being_imported(monkeypatch):
    import types

    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    targets, _ = lp.gaussian_targets(np.zeros((6, 2)), np.ones(6), (48, 64))
    assert targets.shape == (6, 64, 48)
    with pytest.raises(TypeError, match="got list"):
        lp.decode_heatmaps([1.0])


def test_a_forked_child_after_a_parallel_region_works():
    """libgomp's threads do not survive a fork; a second parallel region would hang."""
    out = run(
        "import os, signal, numpy as np, lowerpose_ops as lp\n"
        "from lowerpose_ops import _native\n"
        "joints, seen = np.zeros((64, 6, 2)), np.ones((64, 6))\n"
        "before, _ = lp.gaussian_targets(joints, seen, (48, 64))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(60)\n"
        "    after, _ = lp.gaussian_targets(joints, seen, (48, 64))\n"
        "    same = (after == before).all() and _native.core.usable_threads(4) == 1\n"
        "    os._exit(0 if same else 1)\n"
        "status = os.waitpid(child, 0)[1]\n"
        "print(os.waitstatus_to_exitcode(status), _native.core.usable_threads(4))\n",
        OMP_NUM_THREADS="4",
    )
    assert out.split() == ["0", "4"]


def test_arrays_follow_torch_s_threads():
    torch = pytest.importorskip("torch")
    from lowerpose_ops import _arguments

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert _arguments.threads() == 3
    finally:
        torch.set_num_threads(before)


def test_an_exported_program_runs_in_another_process(tmp_path):
    torch = pytest.importorskip("torch")

    class Decoder(torch.nn.Module):
        def forward(self, heatmaps):
            return lp.decode_heatmaps(heatmaps, "parabola")

    file = str(tmp_path / "decoder.pt2")
    heatmaps = torch.arange(48.0).view(1, 1, 8, 6)
    torch.export.save(torch.export.export(Decoder(), (heatmaps,)), file)
    out = run(
        "import torch, lowerpose_ops.ops\n"
        f"program = torch.export.load({file!r}).module()\n"
        "print(program(torch.arange(48.).view(1, 1, 8, 6))[0].tolist())"
    )
    assert out.strip() == "[[[5.0, 7.0]]]"
