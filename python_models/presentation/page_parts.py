"""Parts of a page: tables, pictures. All text is escaped."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from python_models.presentation.words import sentence


@dataclass(frozen=True)
class Picture:
    """An image of the page.

    Attributes:
        data: The file's bytes, PNG or JPEG.
        alt: What it shows, for those who do not see it.
        caption: The text below it.
    """

    data: bytes
    alt: str
    caption: str


def text_list(title: str, texts: Sequence[str]) -> str:
    """A section with a list, each text once; nothing if there is none."""
    if not texts:
        return ""
    items = "".join(f"<li>{escape(sentence(text))}</li>" for text in dict.fromkeys(texts))
    return f"<section><h2>{escape(title)}</h2><ul>{items}</ul></section>"


def table(head: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A table; the first cell of a row is its heading."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = [
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows
    ]
    body = "\n".join(lines)
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def figures(title: str, pictures: Sequence[Picture | None], *, grid: bool = False) -> str:
    """A section with the pictures that there are, side by side if `grid`."""
    shown = [picture for picture in pictures if picture is not None]
    if not shown:
        return ""
    inner = "\n".join(map(_figure, shown))
    inner = f'<div class="frames">{inner}</div>' if grid else inner
    return f"<section><h2>{escape(title)}</h2>{inner}</section>"


def _figure(picture: Picture) -> str:
    kind = "png" if picture.data.startswith(b"\x89PNG") else "jpeg"
    data = base64.b64encode(picture.data).decode("ascii")
    return (
        f'<figure><img alt="{escape(picture.alt)}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )
