"""ImageNet weights for the trunk of a ResNet-18 model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from python_models.models.resnet18_trunk import ResNet18Trunk

CLASSIFIER = {"fc.weight", "fc.bias"}


def load_imagenet(model: nn.Module, path: Path | None) -> None:
    """Copies the weights of torchvision's `resnet18` into the model's trunk, or changes nothing.

    With a path, the weights are read from that file, without running code from it: a state dict
    of torchvision's `resnet18` (`resnet18-f37072fd.pth` holds the ImageNet weights), alone or
    under the key "state_dict", its keys with or without "module." in front. The classifier (`fc`)
    is ignored. Files without BatchNorm's counters (`num_batches_tracked`) are as good: the
    counters have no effect at momentum 0.1, and start at 0.

    Without a path, torchvision is asked for `ResNet18_Weights.IMAGENET1K_V1`, where it is
    installed. It reads them from torch hub's cache, and downloads them on the first use: no other
    part of this project uses the network.

    Args:
        model: A model with a `ResNet18Trunk`, on any device.
        path: The file, or None for torchvision.

    Raises:
        FileNotFoundError: There is no such file; or no path was given and torchvision is not
            installed or cannot get its weights.
        ValueError: The model has no ResNet-18 trunk; the file is no whole state dict; or its keys,
            shapes or dtypes are not those of torchvision's `resnet18`.
    """
    trunk = next((m for m in model.modules() if isinstance(m, ResNet18Trunk)), None)
    if trunk is None:
        raise ValueError(
            f"load_imagenet: model must have a ResNet-18 trunk, got {type(model).__name__}"
        )
    if path is None:
        source, state = "torchvision", _torchvision_state()
    else:
        source, state = str(path), _file_state(path)
    trunk.load_state_dict(_trunk_state(state, trunk.state_dict(), source))


def _file_state(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"load_imagenet: there is no file {path}") from None
    except Exception as error:  # broken bytes make torch's reader raise almost anything
        reason = str(error).partition("\n")[0]
        raise ValueError(f"load_imagenet: {path} must be a whole state dict: {reason}") from error


def _torchvision_state() -> object:
    try:
        from torchvision.models import ResNet18_Weights
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another torch
        raise FileNotFoundError(
            "load_imagenet: give the path of a file with torchvision's resnet18 weights "
            f"(resnet18-f37072fd.pth), or install torchvision, which cannot be used now: {error}"
        ) from error
    try:
        return ResNet18_Weights.IMAGENET1K_V1.get_state_dict(
            progress=False, check_hash=True, map_location="cpu", weights_only=True
        )
    except Exception as error:  # no network, a hash of other bytes, a broken file in the cache
        raise FileNotFoundError(
            "load_imagenet: give the path of a file with torchvision's resnet18 weights "
            f"(resnet18-f37072fd.pth): torchvision could not get them: {error}"
        ) from error


def _trunk_state(state: object, wanted: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """The entries of `state` that the trunk wants, in its names; anything odd raises."""
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise ValueError(
            f"load_imagenet: {source} must hold a dict of tensors by name, "
            f"got {type(state).__name__}"
        )
    if state and all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    given = {key: value for key, value in state.items() if key not in CLASSIFIER}
    counters = {key for key in wanted if key.endswith(".num_batches_tracked")}
    faults = [
        *_listed("missing", wanted.keys() - given.keys() - counters),
        *_listed("left over", given.keys() - wanted.keys()),
        *_listed(
            "of another shape or dtype",
            [
                f"{key} (expected {_described(wanted[key])}, got {_described(given[key])})"
                for key in wanted.keys() & given.keys()
                if not _alike(given[key], wanted[key])
            ],
        ),
    ]
    if faults:
        raise ValueError(
            f"load_imagenet: {source} must have the keys of torchvision's resnet18: "
            + "; ".join(faults)
        )
    return {key: given.get(key, torch.zeros_like(wanted[key])) for key in wanted}


def _alike(given: object, wanted: Tensor) -> bool:
    return (
        isinstance(given, Tensor)
        and given.shape == wanted.shape
        and given.is_floating_point() == wanted.is_floating_point()
    )


def _described(value: Any) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"


def _listed(fault: str, names: Collection[str]) -> list[str]:
    """One phrase that names the first five, or none where there is no fault."""
    if not names:
        return []
    first = ", ".join(sorted(names)[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"{fault}: {first}{more}"]
