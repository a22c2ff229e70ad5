"""The codecs and losses in MMPose's registries."""

from __future__ import annotations


def register(force: bool = True) -> None:
    """Puts the codecs and losses into MMPose's registries, in place of its own of the same name.

    A configuration does the same without a line of Python:
    `custom_imports = dict(imports=["lowerpose_ops.compat.mmpose.registered"])`. It may then say
    `fixed=True` beside `type="UDPHeatmap"`, for instance.

    Args:
        force: Whether they take the place of others of the same name, which is a KeyError else.

    Raises:
        ImportError: MMPose is not installed.
    """
    try:
        from mmpose.registry import KEYPOINT_CODECS, MODELS  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImportError(f"register: mmpose.registry must be importable: {error}") from error
    from .codecs import MSRAHeatmap, UDPHeatmap
    from .losses import KeypointMSELoss, KeypointOHKMMSELoss

    for codec in (MSRAHeatmap, UDPHeatmap):
        KEYPOINT_CODECS.register_module(module=codec, force=force)
    for loss in (KeypointMSELoss, KeypointOHKMMSELoss):
        MODELS.register_module(module=loss, force=force)
