"""The squatting figure's flesh and clothes: the solids that are drawn around its bones."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from python_models.data.squat_camera import Floats
from python_models.data.squat_figure import Figure, bar_offset
from python_models.data.squat_picture import Color, RoundCone
from python_models.data.squat_pose import Body

_SKINS: tuple[Color, ...] = (
    (0.94, 0.78, 0.67), (0.87, 0.67, 0.53), (0.76, 0.56, 0.42), (0.58, 0.40, 0.28),
    (0.42, 0.28, 0.20), (0.31, 0.21, 0.16),
)  # fmt: skip
_HAIRS: tuple[Color, ...] = (
    (0.08, 0.06, 0.05), (0.20, 0.13, 0.08), (0.38, 0.24, 0.13), (0.72, 0.55, 0.30),
    (0.55, 0.22, 0.10), (0.60, 0.60, 0.60),
)  # fmt: skip
_STEEL: Color = (0.55, 0.56, 0.58)
_INK: Color = (0.07, 0.06, 0.06)


@dataclass(frozen=True)
class Clothes:
    """What a person wears. Lengths are shares of the bone that they cover, from the trunk out."""

    skin: Color
    hair: Color
    hair_length: float  # 0 short, 1 to the shoulders
    shirt: Color
    sleeve: float  # 0 none, 1 to the elbow, 2 to the wrist
    print_color: Color | None  # of the print on the chest
    trousers: Color
    trouser_leg: float  # 0 none, 1 to the knee, 2 to the ankle
    socks: Color
    sock_height: float  # share of the shank
    shoes: Color
    soles: Color
    plates: Color  # of the barbell


def sample_clothes(rng: np.random.Generator) -> Clothes:
    """Random clothes, the same on both sides."""
    skin = np.array(_SKINS[rng.integers(len(_SKINS))]) * rng.uniform(0.9, 1.06)
    shirt, trousers = sample_color(rng), sample_color(rng)
    sleeve = (0.0, rng.uniform(0.35, 0.8), 2.0)[rng.choice(3, p=(0.3, 0.45, 0.25))]
    leg = (rng.uniform(0.35, 0.65), rng.uniform(0.8, 1.2), 2.0)[rng.choice(3, p=(0.35, 0.25, 0.4))]
    return Clothes(
        skin=(float(skin[0]), float(skin[1]), float(skin[2])),
        hair=_HAIRS[rng.integers(len(_HAIRS))],
        hair_length=rng.uniform(0.3, 1) if rng.random() < 0.4 else 0.0,
        shirt=shirt,
        sleeve=sleeve,
        print_color=sample_color(rng) if rng.random() < 0.5 else None,
        trousers=trousers,
        trouser_leg=leg,
        socks=sample_color(rng) if rng.random() < 0.4 else (0.85, 0.85, 0.85),
        sock_height=rng.uniform(0.12, 0.5),
        shoes=sample_color(rng),
        soles=(0.9, 0.9, 0.88) if rng.random() < 0.6 else (0.12, 0.12, 0.13),
        plates=sample_color(rng),
    )


def sample_color(rng: np.random.Generator) -> Color:
    """A random colour, red, green and blue in 0 to 1."""
    if rng.random() < 0.3:  # black, grey, white
        grey = rng.uniform(0.06, 0.92)
        return (grey, grey, grey)
    saturation, value = rng.uniform(0.25, 0.9), rng.uniform(0.25, 0.95)
    return colorsys.hsv_to_rgb(rng.uniform(0, 1), saturation, value)


def dress(figure: Figure, clothes: Clothes) -> list[RoundCone]:
    """The solids of the figure, in the world frame."""
    return [
        *_head(figure, clothes),
        *_trunk(figure, clothes),
        *(solid for side in (0, 1) for solid in _arm(figure, clothes, side)),
        *(solid for side in (0, 1) for solid in _leg(figure, clothes, side)),
    ]


def stretched(frame: Floats, factors: tuple[float, float, float]) -> Floats:
    """The map that stretches along the columns of a frame."""
    return np.asarray(frame @ np.diag(factors) @ frame.T, np.float64)


def _head(figure: Figure, clothes: Clothes) -> list[RoundCone]:
    body, frame = figure.body, figure.head_frame
    radius = body.head

    def at(x: float, y: float, z: float) -> Floats:
        return np.asarray(figure.head + radius * (frame @ [x, y, z]), np.float64)

    chest = figure.joints[5:7].mean(axis=0)
    skin, hair = clothes.skin, clothes.hair
    shadow: Color = (0.72 * skin[0], 0.6 * skin[1], 0.58 * skin[2])
    oval = stretched(frame, (0.86, 1.0, 1.2))
    solids = [
        RoundCone(chest, figure.head, 0.029 * body.height, 0.027 * body.height, skin),
        RoundCone(figure.head, at(0, 0.1, -0.35), 0.93 * radius, 0.62 * radius, skin, map=oval),
        RoundCone(at(0, -0.12, 0.2), at(0, -0.16, 0.14), 0.97 * radius, 0.9 * radius, hair,
                  map=oval),
        RoundCone(at(0, 0.94, 0.1), at(0, 1.02, -0.18), 0.1 * radius, 0.16 * radius, shadow),
        RoundCone(at(-0.2, 0.8, -0.52), at(0.2, 0.8, -0.52), 0.09 * radius, 0.09 * radius,
                  (0.55, 0.25, 0.24)),
    ]  # fmt: skip
    for sign in (-1, 1):
        white, iris = at(0.35 * sign, 0.76, 0.14), at(0.35 * sign, 0.84, 0.14)
        brow = at(0.22 * sign, 0.88, 0.36), at(0.5 * sign, 0.74, 0.34)
        ear = at(0.84 * sign, -0.02, 0.08), at(0.82 * sign, 0, -0.16)
        solids += [
            RoundCone(white, white + 0.5, 0.16 * radius, 0.16 * radius, (0.93, 0.93, 0.93)),
            RoundCone(iris, iris + 0.5, 0.12 * radius, 0.12 * radius, _INK),
            RoundCone(*brow, 0.07 * radius, 0.05 * radius, hair),
            RoundCone(*ear, 0.2 * radius, 0.14 * radius, shadow),
        ]
    if clothes.hair_length > 0:
        end = at(0, -0.75, -0.2 - 1.3 * clothes.hair_length)
        solids.append(RoundCone(at(0, -0.55, 0.1), end, 0.6 * radius, 0.35 * radius, hair))
    return solids


def _trunk(figure: Figure, clothes: Clothes) -> list[RoundCone]:
    body, frame, pelvis = figure.body, figure.trunk_frame, figure.pelvis
    size = body.height * (0.55 + 0.45 * body.girth)
    shoulders, hips = figure.joints[5:7], figure.joints[11:13]
    chest = shoulders.mean(axis=0)
    up, forward = frame[:, 2], frame[:, 1]
    flat = stretched(frame, (1.5, 1.0, 1.0))
    wide = stretched(frame, (1.45, 1.0, 1.0))
    waist, ribs = pelvis + 0.12 * body.trunk * up, pelvis + 0.74 * body.trunk * up
    belly = pelvis + 0.05 * body.trunk * up + 0.006 * body.height * forward
    solids = [
        RoundCone(hips[0], hips[1], 0.057 * size, 0.057 * size, clothes.trousers),
        RoundCone(belly, waist, 0.066 * size, 0.058 * size, clothes.trousers, map=wide),
        RoundCone(waist, ribs, 0.056 * size, 0.068 * size, clothes.shirt, map=flat),
        RoundCone(shoulders[0], shoulders[1], 0.036 * size, 0.036 * size, clothes.shirt),
        RoundCone(chest - 0.05 * body.trunk * up, ribs, 0.05 * size, 0.062 * size, clothes.shirt,
                  map=flat),
    ]  # fmt: skip
    if clothes.print_color is not None:
        badge = ribs + 0.058 * size * forward
        tilt = stretched(frame, (1.6, 0.5, 1.3))
        solids.append(
            RoundCone(badge, badge + 0.5, 0.028 * size, 0.028 * size, clothes.print_color, map=tilt)
        )
    if figure.pose.arms[0] == "barbell":
        solids += _barbell(body, chest, frame, clothes)
    return solids


def _barbell(body: Body, chest: Floats, frame: Floats, clothes: Clothes) -> list[RoundCone]:
    y, z = bar_offset(body)
    middle = chest + frame @ [0.0, y, z]
    across = frame[:, 0]
    disc = stretched(frame, (0.1, 1.0, 1.0))
    solids = [
        RoundCone(middle - 900 * across, middle + 900 * across, 15.0, 15.0, _STEEL, body=False)
    ]
    for sign in (-1, 1):
        for place, radius in ((720, 190), (765, 150)):
            plate = middle + sign * place * across
            solids.append(
                RoundCone(plate, plate + 0.5, radius, radius, clothes.plates, map=disc, body=False)
            )
    return solids


def _arm(figure: Figure, clothes: Clothes, side: int) -> list[RoundCone]:
    size = figure.body.height * figure.body.girth
    shoulder, elbow, wrist = figure.joints[[5 + side, 7 + side, 9 + side]]
    upper, lower = min(clothes.sleeve, 1.0), max(clothes.sleeve - 1.0, 0.0)
    skin, shirt = clothes.skin, clothes.shirt
    return [
        RoundCone(shoulder, elbow, 0.032 * size, 0.023 * size, shirt, skin, upper),
        RoundCone(elbow, wrist, 0.0235 * size, 0.0165 * size, shirt, skin, lower),
        RoundCone(wrist, figure.hands[side], 0.017 * size, 0.021 * size, skin),
    ]


def _leg(figure: Figure, clothes: Clothes, side: int) -> list[RoundCone]:
    body = figure.body
    size = body.height * (0.3 + 0.7 * body.girth)
    hip, knee, ankle = figure.joints[[11 + side, 13 + side, 15 + side]]
    heel, toe = figure.heels[side], figure.toes[side]
    forward = (toe - heel) / np.linalg.norm(toe - heel)
    along = (ankle - knee) / body.shank
    back = forward - (forward @ along) * along
    calf = knee + 0.3 * (ankle - knee) - 0.009 * size * back / np.linalg.norm(back)
    skin, cloth, sock = clothes.skin, clothes.trousers, clothes.socks
    upper, lower = min(clothes.trouser_leg, 1.0), max(clothes.trouser_leg - 1.0, 0.0)
    if lower >= 1:  # long trousers hide the socks
        shank, end, cut = cloth, cloth, 1.0
    else:
        shank, end, cut = skin, sock, 1 - clothes.sock_height / 0.7
    tall = 0.4 * body.ankle_height
    up = np.array([0.0, 0.0, 1.0])
    return [
        RoundCone(hip, knee, 0.051 * size, 0.036 * size, cloth, skin, upper),
        RoundCone(knee, calf, 0.0345 * size, 0.034 * size, cloth, skin, min(lower / 0.3, 1.0)),
        RoundCone(calf, ankle, 0.034 * size, 0.021 * size, shank, end, max(cut, 0.0)),
        RoundCone(ankle, heel + 0.25 * (toe - heel) + tall * up, 0.023 * size, 0.015 * size, end),
        # The radii are the heights of the centres: the shoe stands on the floor.
        RoundCone(heel + 1.15 * tall * (up + forward), toe + 0.75 * tall * (up - forward),
                  1.15 * tall, 0.75 * tall, clothes.shoes),
        RoundCone(heel + 0.5 * tall * up + 30 * forward, toe + 0.5 * tall * up - 18 * forward,
                  0.5 * tall, 0.5 * tall, clothes.soles,
                  map=stretched(np.stack([np.cross(forward, up), forward, up], axis=1),
                                (2.3, 1.0, 1.0))),
    ]  # fmt: skip
