"""Joints, skeleton and angles drawn over a picture, and a strip below it that says the rest."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from python_models.analysis.results import Analysis, Curve, Repetition
from python_models.arrays import Array
from python_models.motion.motion import Floats
from python_models.motion.skeletons import Skeleton
from python_models.overlay import Colour
from python_models.presentation.limbs import colour_of, limbs
from python_models.presentation.words import issue_words

_FRACTION_BITS = 4  # OpenCV draws at sixteenths of a pixel
_SMALLEST = 6  # pixels of a font
_FARTHEST = 1e6  # OpenCV's coordinates are 32 bits
_EDGE: Colour = (255, 255, 255)
_STRIP: Colour = (24, 24, 24)
_TEXT: Colour = (235, 235, 235)
_WARNING: Colour = (242, 193, 78)
# The joint at which a kind of angle is drawn, between these two others.
_CORNERS = {
    "knee_flexion": ("hip", "knee", "ankle"),
    "hip_flexion": ("shoulder", "hip", "knee"),
    "elbow_flexion": ("shoulder", "elbow", "wrist"),
    "shoulder_elevation": ("hip", "shoulder", "elbow"),
}
_ARMS = frozenset({"elbow_flexion", "shoulder_elevation"})


class Overlay:
    """Draws the frames of an analysis.

    Args:
        points: [T, K, 2], (x, y) in pixels of the pictures; NaN where a joint is missing.
        skeleton: Names the K joints.
        analysis: Of the T frames.
        names: Of the frames, for single pictures.

    Raises:
        ValueError: They are not of the same frames.
    """

    def __init__(
        self, points: Floats, skeleton: Skeleton, analysis: Analysis, names: tuple[str, ...]
    ) -> None:
        expected = (analysis.frames, len(skeleton), 2)
        if points.shape != expected or len(names) != analysis.frames:
            raise ValueError(f"Overlay: points must be {list(expected)}, got {list(points.shape)}")
        self._points = points
        self._skeleton = skeleton
        self._analysis = analysis
        self._names = names
        self._limbs = limbs(skeleton)

    def draw(self, image: Array, frame: int) -> Array:
        """A copy of the picture uint8 [H, W, 3], red first, with a strip of text below it."""
        points = np.clip(self._points[frame], -_FARTHEST, _FARTHEST)
        drawn: Array = np.ascontiguousarray(image).copy()
        width = max(2, round(max(image.shape[:2]) / 250))
        for limb in self._limbs:
            ends = points[[limb.start, limb.end]]
            if np.isfinite(ends).all():
                start, end = map(_place, ends)
                cv2.line(drawn, start, end, limb.colour, width, cv2.LINE_AA, _FRACTION_BITS)
        reliable = bool(self._analysis.reliability.reliable[frame])
        labels = self._angles(drawn, points, frame, width) if reliable else []
        for joint, point in zip(self._skeleton.joints, points, strict=True):
            if np.isfinite(point).all():
                radius = round((width + 0.5) * 2**_FRACTION_BITS)
                place = _place(point)
                colour = colour_of(joint)
                cv2.circle(drawn, place, radius, colour, -1, cv2.LINE_AA, _FRACTION_BITS)
                if width > 2:  # a small joint would be all edge
                    cv2.circle(drawn, place, radius, _EDGE, 1, cv2.LINE_AA, _FRACTION_BITS)
        if not reliable:
            height, wide = drawn.shape[:2]
            cv2.rectangle(drawn, (0, 0), (wide - 1, height - 1), _WARNING, 2 * width)
        return self._with_text(drawn, labels, frame, reliable)

    def _angles(
        self, drawn: Array, points: Floats, frame: int, width: int
    ) -> list[tuple[tuple[float, float], str, Colour]]:
        """Draws the arcs; where which number goes in which colour."""
        labels = []
        main = self._analysis.curves.get(self._analysis.main_curve)
        of_arms = main is not None and main.kind in _ARMS
        for curve in self._analysis.curves.values():
            if curve.kind not in _CORNERS or (curve.kind in _ARMS) != of_arms or not curve.side:
                continue
            value = float(curve.values[frame])
            corner = [f"{curve.side}_{joint}" for joint in _CORNERS[curve.kind]]
            if not math.isfinite(value) or corner[1] not in self._skeleton.joints:
                continue
            vertex = points[self._skeleton.index(corner[1])]
            if not np.isfinite(vertex).all():
                continue
            if set(corner) <= set(self._skeleton.joints):
                first, _, last = points[self._skeleton.indices(*corner)]
                if curve.kind.endswith("flexion"):  # it is 0 where the limbs are in line
                    first = vertex + 0.4 * (vertex - first)
                    _thin_line(drawn, vertex, first, colour_of(corner[1]))
                _arc(drawn, first, vertex, last, colour_of(corner[1]), width)
            place = (float(vertex[0]), float(vertex[1]))
            labels.append((place, f"{value:.0f}°", colour_of(corner[1])))
        return labels

    def _with_text(
        self,
        drawn: Array,
        labels: list[tuple[tuple[float, float], str, Colour]],
        frame: int,
        reliable: bool,
    ) -> Array:
        height, width = drawn.shape[:2]
        size = max(11, round(max(width, height) / 42))
        line = round(1.45 * size)
        lower = _TEXT if reliable else _WARNING
        whole: Array = np.full((height + 2 * line + size // 2, width, 3), _STRIP, np.uint8)
        whole[:height] = drawn
        picture = Image.fromarray(whole)
        pen = ImageDraw.Draw(picture)
        taken: list[tuple[float, float]] = []
        for (x, y), text, colour in sorted(labels, key=lambda label: label[0][1]):
            left = min(max(x + 0.8 * size, 0), width - 2.6 * size)
            top = min(max(y - 0.6 * size, 0), height - 1.3 * size)
            while any(abs(left - a) < 3 * size and abs(top - b) < 1.3 * size for a, b in taken):
                top += 0.3 * size
            taken.append((left, top))
            area = pen.textbbox((left, top), text, font=_font(size))
            pen.rectangle((area[0] - 2, area[1] - 1, area[2] + 2, area[3] + 1), fill=_STRIP)
            pen.text((left, top), text, font=_font(size), fill=_brighter(colour))
        lines = (self._where(frame), self._values(frame) if reliable else self._why_not(frame))
        for row, (text, colour) in enumerate(zip(lines, (_TEXT, lower), strict=True)):
            fitting = _fitting(text, size, width - size)
            place = (size // 2, height + size // 4 + row * line)
            pen.text(place, text, font=_font(fitting), fill=colour)
        return np.array(picture)

    def _where(self, frame: int) -> str:
        rate = self._analysis.frame_rate
        now = self._names[frame] if rate is None else f"{frame / rate:.2f} s"
        repetition = self._repetition(frame)
        return now if repetition is None else f"{now}   {repetition.kind} {repetition.number}"

    def _repetition(self, frame: int) -> Repetition | None:
        found = (r for r in self._analysis.repetitions if r.start <= frame <= r.end)
        return next(found, None)

    def _values(self, frame: int) -> str:
        main = self._analysis.curves.get(self._analysis.main_curve)
        kinds = [main.kind] if main else []
        kinds += [kind for kind in ("trunk_lean", "body_line") if kind not in kinds]
        parts = [_numbers(self._curves(kind), frame) for kind in kinds]
        return "   ".join(part for part in parts if part) or "no angle"

    def _curves(self, kind: str) -> list[Curve]:
        return [curve for curve in self._analysis.curves.values() if curve.kind == kind]

    def _why_not(self, frame: int) -> str:
        issues = self._analysis.reliability.issues
        here = [issue for issue in issues if issue.first <= frame <= issue.last]
        return f"not judged: {'; '.join(map(issue_words, here)) or 'not reliable'}"


def _numbers(curves: list[Curve], frame: int) -> str:
    sided = [curve for curve in curves if curve.side]
    known = [curve for curve in sided or curves if math.isfinite(curve.values[frame])]
    if not known:
        return ""
    values = ", ".join(f"{curve.side or ''} {curve.values[frame]:.0f}°".strip() for curve in known)
    return f"{known[0].kind.replace('_', ' ')} {values}"


def _arc(
    drawn: Array, first: Floats, vertex: Floats, last: Floats, colour: Colour, width: int
) -> None:
    """Of the angle in the picture between the two limbs at a joint."""
    ends = np.stack([first, last]) - vertex
    lengths = np.linalg.norm(ends, axis=1)
    if not np.isfinite(lengths).all() or lengths.min() < 3 * width:
        return
    start, end = np.degrees(np.arctan2(ends[:, 1], ends[:, 0])).tolist()
    turn = (end - start + 180) % 360 - 180
    radius = round(min(0.7 * lengths.min(), 10.0 * width) * 2**_FRACTION_BITS)
    arguments = (_place(vertex), (radius, radius), 0, start, start + turn, colour)
    cv2.ellipse(drawn, *arguments, max(1, width - 1), cv2.LINE_AA, _FRACTION_BITS)


def _thin_line(drawn: Array, start: Floats, end: Floats, colour: Colour) -> None:
    if np.isfinite([start, end]).all():
        cv2.line(drawn, _place(start), _place(end), colour, 1, cv2.LINE_AA, _FRACTION_BITS)


def _place(point: Floats) -> tuple[int, int]:
    return round(float(point[0]) * 2**_FRACTION_BITS), round(float(point[1]) * 2**_FRACTION_BITS)


def _brighter(colour: Colour) -> Colour:
    """To be read on the dark strip."""
    red, green, blue = (round(255 - 0.5 * (255 - part)) for part in colour)
    return red, green, blue


def _fitting(text: str, size: int, width: int) -> int:
    """The font size, smaller where a line would be wider than the picture."""
    length = _font(size).getlength(text)
    return size if length <= width else max(_SMALLEST, int(size * width / length))


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """The font that comes with matplotlib."""
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)
