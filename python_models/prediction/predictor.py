"""A trained model's joints of persons in whole images."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import lowerpose_ops as lp
from python_models import trained
from python_models.arrays import Array
from python_models.data.crop import Crop
from python_models.decoding import Decoding, decode_images, decode_with_covariance, image_matrix
from python_models.devices import device_of
from python_models.heatmap_task import Refine
from python_models.prediction.person_boxes import Box

Persons = list[tuple[int, Box]]  # their numbers and boxes
_JOINTS = len(lp.LOWER_BODY_JOINTS)


class BoxSizeError(ValueError):
    """A person's box is larger than an image can be, so that nothing can be cut out of it."""


def open_predictor(checkpoint: Path, refine: Refine | None, flip: bool, device: str) -> Predictor:
    """A run's model, ready to find joints.

    Args:
        checkpoint: A run's best.pt.
        refine: How maps are decoded; None: as in training.
        flip: With the flip test.
        device: As `device_of` takes it.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It is none of a heatmap model, or there is no such device.
    """
    model = trained.load(checkpoint)
    decoding = Decoding(refine or model.task.refine, flip)
    return Predictor(model, decoding, device_of(device))


class Predictor:
    """Finds the joints of the persons in these boxes, each cropped as in training."""

    def __init__(self, model: trained.Trained, decoding: Decoding, device: torch.device) -> None:
        self._model = model.model.to(device).eval()
        self._task = model.task
        self._box_scale = float(model.settings.get("box_scale", 1.0))
        self._decoding = decoding
        self._device = device

    def __call__(self, image: Array, boxes: Sequence[Box]) -> tuple[Array, Array]:
        """Joints [P, 6, 2] in image pixels and the maxima [P, 6] of their heatmaps.

        Args:
            image: uint8 [H, W, 3], red first.
            boxes: P times x, y, width, height.

        Raises:
            BoxSizeError: One of the boxes is.
            ValueError: The model gives no number.
        """
        if not boxes:
            return np.zeros((0, _JOINTS, 2), np.float32), np.zeros((0, _JOINTS), np.float32)
        images, matrices = self._inputs(image, boxes)
        ((coords, maxima),) = decode_images(self._model, self._task, images, [self._decoding])
        return self._in_image(coords, maxima, matrices)

    def with_covariance(self, image: Array, box: Box) -> tuple[Array, Array, Array]:
        """Of one person: joints [6, 2], maxima [6], and covariances [6, 2, 2] in square pixels.

        They are NaN for decodings other than "dark", and where that takes no step.

        Raises:
            BoxSizeError: The box is too large.
            ValueError: The model gives no number.
        """
        images, matrices = self._inputs(image, [box])
        coords, maxima, covariances = decode_with_covariance(
            self._model, self._task, images, self._decoding
        )
        joints, scores = self._in_image(coords, maxima, matrices)
        turn = matrices[0, :, :2]
        return joints[0], scores[0], turn @ covariances[0].cpu().numpy().astype(float) @ turn.T

    def _inputs(self, image: Array, boxes: Sequence[Box]) -> tuple[Tensor, Array]:
        """The crops [P, 3, H, W], and what takes their heatmaps' pixels to the image's."""
        width, height = self._task.input_size
        crops = [Crop.around(box, width / height, self._box_scale) for box in boxes]
        picture = Image.fromarray(image)
        try:
            inputs = [np.array(crop.image(picture, (width, height))) for crop in crops]
        except (Image.DecompressionBombError, MemoryError) as error:
            raise BoxSizeError(f"a box is too large to be cut out: {error}") from error
        images = torch.from_numpy(np.stack(inputs)).permute(0, 3, 1, 2).to(self._device)
        return images, np.stack([image_matrix(crop, self._task) for crop in crops])

    def _in_image(self, coords: Tensor, maxima: Tensor, matrices: Array) -> tuple[Array, Array]:
        found: Array = lp.to_image(coords.cpu().numpy(), matrix=matrices)
        scores: Array = maxima.cpu().numpy()
        if not (np.isfinite(found).all() and np.isfinite(scores).all()):
            raise ValueError("the model's heatmaps hold values that are no numbers")
        return found, scores

    def of_persons(
        self, image: Array, persons: Persons, where: str
    ) -> tuple[Persons, Array, Array]:
        """The same of numbered persons; nobody, and a line that says why, if a box is too large.

        Args:
            image: uint8 [H, W, 3], red first.
            persons: Their numbers and boxes.
            where: What the line calls the image.
        """
        try:
            return persons, *self(image, [box for _, box in persons])
        except BoxSizeError as error:
            print(f"left out: the persons of {where}: {error}", file=sys.stderr)
            return [], *self(image, [])
