from __future__ import annotations

import pytest
import torch

from python_models.devices import device_of


def test_a_gpu_is_taken_only_where_there_is_one(monkeypatch):
    for gpus, expected in ((0, "cpu"), (2, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda gpus=gpus: gpus > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda gpus=gpus: gpus)
        assert device_of("auto") == torch.device(expected)
        assert device_of("cpu") == torch.device("cpu")
    assert device_of("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="cuda:2 is not here: 2 GPUs are"):
        device_of("cuda:2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="cuda is not here: 0 GPUs are"):
        device_of("cuda")


@pytest.mark.parametrize("name", ["gpu", "", "meta", "cuda:x", "mps"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="device must be auto, cpu, cuda or cuda:N"):
        device_of(name)
