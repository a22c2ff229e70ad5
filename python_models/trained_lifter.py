"""Trained lifters, ready for use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from python_models.lifter_task import LifterTask
from python_models.models.lifters import LIFTERS, make_lifter
from python_models.models.standard_lifter import StandardLifter
from python_models.motion.detector_noise import NOISES
from python_models.motion.keypoint_frames import in_standard_camera, keypoint_frame
from python_models.motion.motion import Floats
from python_models.motion.skeletons import Skeleton
from python_models.training import checkpoint

_BATCH = 4096


@dataclass(frozen=True)
class TrainedLifter:
    """A lifter in eval mode on the CPU, what it was trained for, and the settings of its run."""

    model: StandardLifter
    task: LifterTask
    settings: dict[str, Any]

    @property
    def source(self) -> Skeleton:
        """Of the keypoints."""
        return self.task.source_skeleton

    @property
    def target(self) -> Skeleton:
        """Of the points."""
        return self.task.target_skeleton

    @property
    def calibrated(self) -> bool:
        """Whether it was trained on cameras whose focal lengths were known."""
        return bool(self.settings.get("calibrated", False))

    @property
    def fills_gaps(self) -> bool:
        """Whether it has learnt from keypoints of which some were missing."""
        noise = NOISES.get(str(self.settings.get("noise", "none")))
        return noise is not None and noise.missing > 0

    @torch.no_grad()
    def lift(self, keypoints: Floats, size: Floats, focal: Floats | None = None) -> Floats:
        """Points [N, K', 3] in millimetres, in the camera's frame, relative to the root.

        The root is the pelvis, or the middle of the hips. The size of the person cannot be known
        from one view: it is that of an average person of the training data.

        Args:
            keypoints: [N, K, 2] in pixels; NaN: not found. A lifter that has not learnt from
                missing keypoints gives NaN for a person of whom one is; no lifter gives points
                of a person without both hips.
            size: (W, H) of the pictures [N, 2] or of all [2].
            focal: The cameras' focal lengths in pixels [N], or of all; only for a lifter that was
                trained with known ones (`calibrated`), which needs them. The principal point is
                the picture's middle.

        Raises:
            ValueError: The keypoints do not fit the source; focal is missing or too much.
        """
        if keypoints.ndim != 3 or keypoints.shape[1:] != (len(self.source), 2):
            raise ValueError(
                f"lift: keypoints must be [N, {len(self.source)}, 2] for {self.source.name}, "
                f"got {list(keypoints.shape)}"
            )
        if (focal is None) == self.calibrated:
            needs = "needs the focal length" if self.calibrated else "takes no focal length"
            raise ValueError(f"lift: this lifter {needs} of the camera, got {focal}")
        keypoints = np.asarray(keypoints, np.float64)
        known = np.asarray(np.isfinite(keypoints).all(axis=-1))
        keypoints = np.where(known[..., None], keypoints, np.nan)
        hips = [n for n, joint in enumerate(self.source.joints) if joint.endswith("_hip")]
        usable = known[:, hips].all(axis=1) if self.fills_gaps else known.all(axis=1)
        sizes = np.broadcast_to(np.asarray(size, np.float64), (len(keypoints), 2))
        if focal is not None:
            keypoints, sizes = in_standard_camera(keypoints, sizes, focal)
        frame = keypoint_frame(self.task.frame, keypoints, sizes, self.source)
        inputs = np.where(known[..., None], frame.forward(keypoints), 0.0).astype(np.float32)
        parts = torch.from_numpy(inputs).split(_BATCH)
        points = torch.cat([self.model(part) for part in parts]).double().numpy()
        return np.where(np.asarray(usable)[:, None, None], points, np.nan)


def load(path: Path) -> TrainedLifter:
    """Reads a run's best.pt or last.pt; the moving average of the weights where the run kept one.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole checkpoint, no run of a lifter, or holds another model than it
            says.
    """
    state = checkpoint.load(path)
    settings = state.get("settings")
    if not isinstance(settings, dict) or "model" not in state:
        raise ValueError(f"{path}: must be the checkpoint of a training run, got keys {[*state]}")
    name = settings.get("model")
    if not isinstance(name, str) or name not in LIFTERS:
        raise ValueError(f"{path}: model must be among {sorted(LIFTERS)}, got {name!r}")
    try:
        task = LifterTask.from_settings(settings)
        sizes = {size: settings.get(size) for size in ("width", "blocks", "dropout")}
        model = make_lifter(name, task.source_skeleton, task.target_skeleton, **sizes)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: its settings are not those of a run: {error}") from error
    try:
        model.load_state_dict(checkpoint.weights_of(state))
    except (RuntimeError, TypeError, AttributeError) as error:  # other names, shapes or types
        raise ValueError(f"{path}: its weights are not those of a {name}: {error}") from error
    return TrainedLifter(model.eval(), task, settings)
