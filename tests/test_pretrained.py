from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
import torch

from python_models.models.pretrained import load_imagenet
from python_models.models.registry import MODELS
from python_models.models.resnet18_trunk import ResNet18Trunk
from tests.torchvision_resnet18 import state_dict

RESNETS = sorted(set(MODELS) - {"dilated_cnn"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "resnet18.pth"


def check_loaded(trunk: torch.nn.Module, *, seed: int = 0, counters: int = 7) -> None:
    expected = state_dict(seed=seed)
    for key, value in trunk.state_dict().items():
        if key.endswith("num_batches_tracked"):
            assert value == counters, key
        else:
            assert torch.equal(value, expected[key]), key


def refused(state: object, path: Path) -> str:
    """The message with which a file is refused; the trunk keeps its weights."""
    torch.save(state, path)
    trunk = ResNet18Trunk()
    before = {key: value.clone() for key, value in trunk.state_dict().items()}
    with pytest.raises(ValueError, match="load_imagenet: ") as caught:
        load_imagenet(trunk, path)
    for key, value in trunk.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", RESNETS)
def test_a_file_fills_the_trunk_alone(name, path):
    torch.save(state_dict(), path)
    torch.manual_seed(0)
    model = MODELS[name](num_joints=6)
    rest = {k: v.clone() for k, v in model.state_dict().items() if not k.startswith("trunk.")}
    load_imagenet(model, path)
    check_loaded(model.trunk)
    for key, value in rest.items():
        assert torch.equal(model.state_dict()[key], value), key


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("classifier", [False, True])
def test_ways_to_write_a_state_dict(nested, prefix, classifier, path):
    state = {prefix + k: v for k, v in state_dict().items() if classifier or k[:3] != "fc."}
    torch.save({"epoch": 90, "state_dict": state} if nested else state, path)
    trunk = ResNet18Trunk()
    load_imagenet(trunk, path)
    check_loaded(trunk)


def test_parameters_are_tensors_too(path):
    """Old files of torchvision hold nn.Parameter."""
    state = {
        k: torch.nn.Parameter(v) if v.is_floating_point() else v for k, v in state_dict().items()
    }
    torch.save(state, path)
    trunk = ResNet18Trunk()
    load_imagenet(trunk, path)
    check_loaded(trunk)


def test_files_of_before_zip_are_read(path):
    torch.save(state_dict(), path, _use_new_zipfile_serialization=False)
    trunk = ResNet18Trunk()
    load_imagenet(trunk, path)
    check_loaded(trunk)


def test_counters_may_be_missing(path):
    torch.save({k: v for k, v in state_dict().items() if "num_batches" not in k}, path)
    trunk = ResNet18Trunk()
    trunk(torch.zeros(2, 3, 32, 32))  # counts one batch
    load_imagenet(trunk, path)
    check_loaded(trunk, counters=0)


def test_the_weights_are_copies(path):
    torch.save(state_dict(), path)
    trunk = ResNet18Trunk()
    weight = trunk.conv1.weight
    load_imagenet(trunk, path)
    assert trunk.conv1.weight is weight
    assert weight.requires_grad


def test_missing_keys_are_named(path):
    state = state_dict()
    del state["layer3.1.conv2.weight"], state["bn1.running_var"]
    message = refused(state, path)
    assert message.endswith("missing: bn1.running_var, layer3.1.conv2.weight")


def test_keys_left_over_are_named(path):
    """A ResNet-34 has ours and more."""
    message = refused(state_dict() | {"layer1.2.conv1.weight": torch.zeros(64, 64, 3, 3)}, path)
    assert message.endswith("left over: layer1.2.conv1.weight")


def test_other_shapes_are_named(path):
    message = refused(state_dict() | {"conv1.weight": torch.zeros(64, 3, 3, 3)}, path)
    assert "conv1.weight (expected (64, 3, 7, 7) float32, got (64, 3, 3, 3) float32)" in message


@pytest.mark.parametrize("value", [torch.zeros(64, dtype=torch.int8), "text", None])
def test_other_values_are_named(value, path):
    message = refused(state_dict() | {"bn1.weight": value}, path)
    assert "of another shape or dtype: bn1.weight (expected (64,) float32, got " in message


def test_all_faults_at_once_and_the_first_five_keys(path):
    message = refused({"a": torch.zeros(1), "conv1.weight": torch.zeros(1)}, path)
    # 60 weights and 40 running statistics, but for conv1.weight
    assert (
        "missing: bn1.bias, bn1.running_mean, bn1.running_var, bn1.weight, layer1.0.bn1.bias "
        "and 94 more; left over: a; of another shape or dtype: conv1.weight" in message
    )


@pytest.mark.parametrize("prefixed", ["conv1.weight", "layer4.1.bn2.weight"])
def test_a_prefix_on_some_keys_is_a_fault(prefixed, path):
    state = state_dict()
    state[f"module.{prefixed}"] = state.pop(prefixed)
    message = refused(state, path)
    assert f"missing: {prefixed}; left over: module.{prefixed}" in message


@pytest.mark.parametrize(
    "state", [[torch.zeros(1)], torch.zeros(3), {0: torch.zeros(1)}, {"state_dict": [1]}, {}, None]
)
def test_other_things_are_refused(state, path):
    refused(state, path)


def test_code_in_a_file_is_not_run(path):
    torch.save(ResNet18Trunk(), path)
    with pytest.raises(ValueError, match="must be a whole state dict: Weights only load failed"):
        load_imagenet(ResNet18Trunk(), path)


@pytest.mark.parametrize("kept", [0, 10, 0.5])
def test_broken_files_are_refused(kept, path):
    torch.save(state_dict(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(ValueError, match=r"resnet18\.pth must be a whole state dict"):
        load_imagenet(ResNet18Trunk(), path)


def test_no_file(path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*resnet18\.pth"):
        load_imagenet(ResNet18Trunk(), path)


def test_a_model_without_a_trunk(path):
    torch.save(state_dict(), path)
    with pytest.raises(ValueError, match="must have a ResNet-18 trunk, got DilatedCNN"):
        load_imagenet(MODELS["dilated_cnn"](num_joints=6), path)


def install(monkeypatch: pytest.MonkeyPatch, answer: object) -> list[dict[str, object]]:
    """A torchvision that answers so, or raises it; returns the arguments it was asked with."""
    asked: list[dict[str, object]] = []

    class Weights:
        def get_state_dict(self, **arguments: object) -> object:
            asked.append(arguments)
            if isinstance(answer, Exception):
                raise answer
            return answer

    models = types.ModuleType("torchvision.models")
    models.ResNet18_Weights = types.SimpleNamespace(IMAGENET1K_V1=Weights())
    package = types.ModuleType("torchvision")
    package.models = models
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    return asked


def test_torchvision_where_it_is_installed(monkeypatch):
    asked = install(monkeypatch, state_dict(seed=3))
    model = MODELS["resnet18_fpn"](num_joints=6)
    load_imagenet(model, None)
    check_loaded(model.trunk, seed=3)
    (arguments,) = asked
    assert arguments["weights_only"] is True
    assert arguments["check_hash"] is True


def test_a_file_needs_no_torchvision(monkeypatch, path):
    torch.save(state_dict(), path)
    asked = install(monkeypatch, AssertionError("asked"))
    load_imagenet(ResNet18Trunk(), path)
    assert not asked


def test_neither_file_nor_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(
        FileNotFoundError, match=r"give the path of a file .* or install torchvision"
    ):
        load_imagenet(ResNet18Trunk(), None)


@pytest.mark.parametrize(
    "error", [OSError("no route to host"), RuntimeError("invalid hash value"), EOFError("ends")]
)
def test_torchvision_without_its_weights(monkeypatch, error):
    install(monkeypatch, error)
    with pytest.raises(FileNotFoundError, match=f"give the path of a file .*: {error}") as caught:
        load_imagenet(ResNet18Trunk(), None)
    assert caught.value.__cause__ is error


def test_torchvision_with_other_weights(monkeypatch):
    install(monkeypatch, state_dict() | {"layer9.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"torchvision must have .* left over: layer9\.weight"):
        load_imagenet(ResNet18Trunk(), None)


def test_the_models_need_no_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    for make in MODELS.values():
        make(num_joints=6)
