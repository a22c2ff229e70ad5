"""Codecs between keypoints and heatmaps, as MMPose's `MSRAHeatmap` and `UDPHeatmap`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ... import _arguments as arguments
from ...arrays import decode_heatmaps
from .._checks import Array, check_array, own_dtype, width_height
from ._blur import check_kernel, smooth
from .heatmaps import (
    generate_gaussian_heatmaps,
    generate_offset_heatmap,
    generate_udp_gaussian_heatmaps,
    generate_unbiased_gaussian_heatmaps,
)
from .refinement import get_heatmap_maximum


class _Codec:
    """What MMPose's pipeline asks of a codec: which of its results go where."""

    auxiliary_encode_keys: ClassVar[set[str]] = set()
    field_mapping_table: ClassVar[dict[str, str]] = {"heatmaps": "heatmaps"}
    instance_mapping_table: ClassVar[dict[str, str]] = {}
    label_mapping_table: ClassVar[dict[str, str]] = {"keypoint_weights": "keypoint_weights"}
    support_batch_decoding = False

    def _inputs(self, keypoints: Array, visible: Array | None, scale: Array) -> tuple[Array, Array]:
        """The one person's keypoints in heatmap pixels, and who is visible."""
        name = f"{type(self).__name__}.encode"
        check_array(name, "keypoints", keypoints, {3: "[1, K, 2]"})
        if len(keypoints) != 1 or keypoints.shape[2] != 2:
            raise arguments.value_error(name, "keypoints", "[1, K, 2]", list(keypoints.shape))
        if visible is None:
            visible = np.ones(keypoints.shape[:2], np.float32)
        return keypoints / scale, visible


class MSRAHeatmap(_Codec):
    """Gaussian heatmaps, decoded with a quarter pixel's offset or, unbiased, with DARK's step.

    Args:
        input_size: (W, H) of the network's input.
        heatmap_size: (W, H).
        sigma: Standard deviation in heatmap pixels.
        unbiased: Gaussians about the exact keypoints, and DARK's decoding.
        blur_kernel_size: Of DARK's blur, in pixels.
        fixed: As for the functions of the same names.

    Example:
        >>> codec = MSRAHeatmap((192, 256), (48, 64), sigma=2.0, unbiased=True)
        >>> encoded = codec.encode(np.array([[[50.0, 81.0]]], np.float32))
        >>> keypoints, scores = codec.decode(encoded["heatmaps"])
        >>> keypoints.round(2).tolist()
        [[[50.0, 81.0]]]
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float,
        unbiased: bool = False,
        blur_kernel_size: int = 11,
        *,
        fixed: bool = False,
    ) -> None:
        self.input_size = width_height("MSRAHeatmap", "input_size", input_size)
        self.heatmap_size = width_height("MSRAHeatmap", "heatmap_size", heatmap_size)
        self.sigma = sigma
        self.unbiased = unbiased
        self.blur_kernel_size = check_kernel("MSRAHeatmap", blur_kernel_size)
        self.fixed = arguments.check_flag("MSRAHeatmap", "fixed", fixed)
        self.scale_factor = np.divide(input_size, heatmap_size).astype(np.float32)

    def encode(self, keypoints: Array, keypoints_visible: Array | None = None) -> dict[str, Array]:
        """Draws one person's heatmaps.

        Args:
            keypoints: [1, K, 2], (x, y) in input pixels.
            keypoints_visible: [1, K]; None is visible.

        Returns:
            "heatmaps", [K, H, W] float32, and "keypoint_weights", [1, K].

        Raises:
            TypeError: An argument is of another type.
            ValueError: A shape does not fit.
        """
        places, visible = self._inputs(keypoints, keypoints_visible, self.scale_factor)
        draw: Any = (
            generate_unbiased_gaussian_heatmaps if self.unbiased else generate_gaussian_heatmaps
        )
        maps, weights = draw(self.heatmap_size, places, visible, self.sigma, fixed=self.fixed)
        return {"heatmaps": maps, "keypoint_weights": weights}

    def decode(self, encoded: Array) -> tuple[Array, Array]:
        """Finds the keypoints.

        Args:
            encoded: [K, H, W]. It is not changed.

        Returns:
            The keypoints, [1, K, 2] float32, (x, y) in input pixels, and the scores, [1, K].

        Raises:
            TypeError: encoded is no NumPy array, or of another dtype.
            ValueError: It has another number of dimensions.
        """
        check_array("MSRAHeatmap.decode", "encoded", encoded, {3: "[K, H, W]"})
        options: dict[str, Any] = {"preset": "mmpose_msra"}
        if self.unbiased:
            options = {"preset": "mmpose_dark", "blur_kernel": self.blur_kernel_size}
        coords, scores = decode_heatmaps(encoded, **options, fixed=self.fixed)
        return (coords * self.scale_factor)[None], own_dtype(encoded, scores)[None]


class UDPHeatmap(_Codec):
    """Heatmaps by unbiased data processing: exact Gaussians, or discs with offsets.

    A decoded keypoint is x / (W - 1) times the input's width; what encodes takes that width less
    one, so that a round trip drifts by up to a pixel. With `fixed` it does not.

    Args:
        input_size: (W, H) of the network's input.
        heatmap_size: (W, H).
        heatmap_type: "gaussian", or "combined": three maps a keypoint, a disc and both offsets.
        sigma: Standard deviation in heatmap pixels, for "gaussian".
        radius_factor: The disc's radius over the longer side of the map, for "combined".
        blur_kernel_size: Of the blur before decoding, in pixels; "combined" takes 2 * that + 1.
        fixed: See above, and as for the functions of the same names; keypoints without a maximum
            are not moved.

    Example:
        >>> codec = UDPHeatmap((192, 256), (48, 64), fixed=True)
        >>> encoded = codec.encode(np.array([[[50.0, 81.0]]], np.float32))
        >>> keypoints, scores = codec.decode(encoded["heatmaps"])
        >>> keypoints.round(2).tolist()
        [[[50.0, 81.0]]]
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        heatmap_type: str = "gaussian",
        sigma: float = 2.0,
        radius_factor: float = 0.0546875,
        blur_kernel_size: int = 11,
        *,
        fixed: bool = False,
    ) -> None:
        name = "UDPHeatmap"
        self.input_size = width_height(name, "input_size", input_size)
        self.heatmap_size = width_height(name, "heatmap_size", heatmap_size)
        if 1 in self.heatmap_size:
            raise arguments.value_error(name, "heatmap_size", "at least (2, 2)", heatmap_size)
        arguments.choice(name, "heatmap_type", heatmap_type, ("gaussian", "combined"))
        self.heatmap_type = heatmap_type
        self.sigma = sigma
        self.radius_factor = radius_factor
        self.blur_kernel_size = check_kernel(name, blur_kernel_size)
        self.fixed = arguments.check_flag(name, "fixed", fixed)
        inner = np.subtract(input_size, 1) / np.subtract(heatmap_size, 1)
        self.scale_factor = inner.astype(np.float32)

    def encode(self, keypoints: Array, keypoints_visible: Array | None = None) -> dict[str, Array]:
        """Draws one person's heatmaps.

        Args:
            keypoints: [1, K, 2], (x, y) in input pixels.
            keypoints_visible: [1, K]; None is visible.

        Returns:
            "heatmaps", [K, H, W] float32 ([3 K, H, W] for "combined"), and "keypoint_weights",
            [1, K].

        Raises:
            TypeError: An argument is of another type.
            ValueError: A shape does not fit.
        """
        places, visible = self._inputs(keypoints, keypoints_visible, self.scale_factor)
        combined = self.heatmap_type == "combined"
        draw: Any = generate_offset_heatmap if combined else generate_udp_gaussian_heatmaps
        extent = self.radius_factor if combined else self.sigma
        maps, weights = draw(self.heatmap_size, places, visible, extent, fixed=self.fixed)
        return {"heatmaps": maps, "keypoint_weights": weights}

    def decode(self, encoded: Array) -> tuple[Array, Array]:
        """Finds the keypoints.

        Args:
            encoded: [K, H, W], or [3 K, H, W] for "combined". It is not changed.

        Returns:
            The keypoints, [1, K, 2] float64, (x, y) in input pixels, and the scores, [1, K].

        Raises:
            TypeError: encoded is no NumPy array, or of another dtype.
            ValueError: It has another number of dimensions, or of maps.
        """
        check_array("UDPHeatmap.decode", "encoded", encoded, {3: "[K, H, W]"})
        if self.heatmap_type == "combined":
            coords, scores = self._decode_combined(encoded)
        else:
            options: dict[str, Any] = {"preset": "mmpose_udp", "blur_kernel": self.blur_kernel_size}
            coords, scores = decode_heatmaps(encoded, **options, fixed=self.fixed)
            scores = own_dtype(encoded, scores)
        last = np.array(self.input_size) - (1 if self.fixed else 0)
        return (coords / (np.array(self.heatmap_size) - 1) * last)[None], scores[None]

    def _decode_combined(self, encoded: Array) -> tuple[Array, Array]:
        if len(encoded) % 3:
            shape = list(encoded.shape)
            raise arguments.value_error("UDPHeatmap.decode", "encoded", "[3 K, H, W]", shape)
        _, height, width = encoded.shape
        discs = smooth(encoded[::3], 2 * self.blur_kernel_size + 1, "reflect").astype(encoded.dtype)
        coords, scores = get_heatmap_maximum(discs, fixed=self.fixed)
        radius = self.radius_factor * max(width, height)
        # A keypoint at (-1, -1) finds its offset in the map before, as in the original.
        place = coords[:, 0] + coords[:, 1] * width
        place += width * height * np.arange(len(coords))
        offsets = encoded.reshape(-1, 3, height * width)[:, 1:].transpose(1, 0, 2).reshape(2, -1)
        found = offsets[:, place.astype(np.int64)].T * radius
        if self.fixed:
            found[coords[:, 0] < 0] = 0
        coords += found
        return coords, scores
