"""npz files of plain arrays: what holds pickles, or is broken, is refused."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]

# What zipfile and NumPy raise for a file that is cut, changed or made up.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, KeyError, MemoryError,
           ValueError, tokenize.TokenError)  # fmt: skip


def read_arrays(path: Path, largest: int, instead: str = "") -> Arrays:
    """The arrays of an npz file by name.

    Args:
        path: The file.
        largest: Bytes that its arrays may have when they are unpacked.
        instead: What whoever has pickled objects in the file can do; ends that message.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds pickled objects, more bytes or something else than arrays, or is no
            whole npz file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: no npz file, or not all of it")
    try:
        with zipfile.ZipFile(path) as content:
            size = sum(entry.file_size for entry in content.infolist())
        if size > largest:
            raise ValueError(f"more than {largest} bytes unpacked")
        with np.load(path, allow_pickle=False) as file:
            return {name: _array(path, name, file, instead) for name in file.files}
    except _BROKEN as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: no whole npz file: {error}") from error


def _array(path: Path, name: str, file: Any, instead: str) -> np.ndarray[Any, np.dtype[Any]]:
    try:
        array = file[name]
    except ValueError as error:
        if "allow_pickle" in str(error) or "pickled" in str(error):
            raise ValueError(
                f"{path}: {name} holds pickled objects, which could run anything"
                + (f"; {instead}" if instead else "")
            ) from None
        raise ValueError(f"{path}: {name} cannot be read: {error}") from error
    if not isinstance(array, np.ndarray):  # np.load gives the bytes of what is no array
        raise ValueError(f"{path}: {name} is no array")  # noqa: TRY004
    return array
