"""The lines of a text file, plain or gzipped, and the numbers in them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from python_models.motion.motion import Floats

_LARGEST = 1 << 30  # bytes unpacked; CMU's longest motion has a hundredth of it


def stem(path: Path) -> str:
    """The name of a file without .gz and without the suffix before it."""
    return Path(path.name.removesuffix(".gz")).stem


def read_text(path: Path) -> str:
    """The text of a file; one whose name ends in .gz is unpacked.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is cut short, is no text, or is larger than a GiB.
    """
    with _open(path) as file:
        try:
            content = file.read(_LARGEST + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path}: no whole gzip file: {error}") from error
    if len(content) > _LARGEST:
        raise ValueError(f"{path}: more than {_LARGEST} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: no text: {error}") from error


def read_lines(path: Path) -> list[str]:
    """The lines of `read_text`; line n of the file is element n - 1."""
    return read_text(path).splitlines()


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no whole JSON, or no object.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: no JSON: {error.msg}") from error
    except ValueError as error:  # a number of thousands of digits
        raise ValueError(f"{path}: cannot be read: {error}") from error
    except RecursionError:
        raise ValueError(f"{path}: JSON nested too deep") from None
    found = content if isinstance(content, dict) else None
    if found is None:
        raise ValueError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return found


def read_lists(path: Path, *names: str) -> dict[str, list[Any]]:
    """Lists of the JSON object in a file, by name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no JSON object, or has not all of these lists with something in them.
    """
    content = read_object(path)
    for name in names:
        if not isinstance(content.get(name), list) or not content[name]:
            raise ValueError(f"{path}: expected a list {name!r} that is not empty")
    return {name: content[name] for name in names}


def finite_numbers(words: Iterable[str], where: str) -> list[float]:
    """The numbers that words spell.

    Raises:
        ValueError: A word is no number, or no finite one; the message begins with `where`.
    """
    found = []
    for word in words:
        try:
            found.append(float(word))
        except ValueError:
            raise ValueError(f"{where}: expected a number, got {word.strip()[:40]!r}") from None
    if not np.isfinite(found).all():
        raise ValueError(f"{where}: numbers must be finite")
    return found


def read_number_table(path: Path, columns: int) -> Floats:
    """float64 [lines, columns] of a comma-separated file without a header.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line has not `columns` finite numbers, or there is no line.
    """
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        row = finite_numbers(line.split(","), f"{path}, line {number}")
        if len(row) != columns:
            raise ValueError(f"{path}, line {number}: expected {columns} numbers, got {len(row)}")
        rows.append(row)
    if not rows:
        raise ValueError(f"{path}: no line of numbers in it")
    return np.array(rows)


@contextmanager
def _open(path: Path) -> Iterator[gzip.GzipFile]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        yield file  # type: ignore[misc]
