from __future__ import annotations

import pickle

import pytest
import torch

from python_models.training import checkpoint


def test_round_trip(tmp_path):
    state = {"epoch": 3, "model": {"weight": torch.arange(3.0)}, "score": {"loss": 0.5}}
    checkpoint.save(tmp_path / "last.pt", state)
    loaded = checkpoint.load(tmp_path / "last.pt")
    assert loaded["epoch"] == 3
    torch.testing.assert_close(loaded["model"]["weight"], state["model"]["weight"])
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path):
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"epoch": 1})
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        checkpoint.save(path, {"epoch": 2, "bad": lambda: None})
    assert checkpoint.load(path) == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


class Trap:
    """What a hostile file would hold: unpickling it would call something."""

    def __reduce__(self):
        return (print, ("unpickled",))


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 100, None])
def test_broken_files_are_named(tmp_path, content):
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"weight": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:2000] if content is None else content)
    with pytest.raises(ValueError, match=r"last\.pt: must be a whole checkpoint"):
        checkpoint.load(path)


def test_code_in_a_file_is_not_run(tmp_path, capsys):
    torch.save({"epoch": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(ValueError, match=r"trap\.pt: must be a whole checkpoint"):
        checkpoint.load(tmp_path / "trap.pt")
    assert "unpickled" not in capsys.readouterr().out
