"""Random numbers of many samples at once, each sample's from its own key.

A generator a sample takes longer to start than a small network to learn from the sample. Here the
number `position` of a sample is a hash of its key, its purpose and its position: all samples'
numbers come out of a few array operations, whatever samples there are beside them.
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from python_models.motion.motion import Floats

_Words = NDArray[np.uint64]
_STEP = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio


class Draws:
    """The random numbers of B samples; those of another purpose are independent.

    Which further numbers are drawn, in which order, and for which other samples changes none.

    Args:
        seed: At least 0.
        epoch: Of all samples or of each [B].
        index: Of the samples [B].
    """

    def __init__(self, seed: int, epoch: ArrayLike, index: ArrayLike) -> None:
        key = np.full(np.shape(index), seed, np.uint64)
        for part in (epoch, index):
            key = _mixed(key * _STEP + _mixed(np.atleast_1d(np.asarray(part, np.uint64)) + _STEP))
        self._key = key[:, None]

    def __len__(self) -> int:
        return len(self._key)

    def uniform(self, purpose: str, count: int) -> Floats:
        """[B, count] numbers between 0 and 1, neither of which comes up."""
        positions = np.arange(1, count + 1, dtype=np.uint64) * _STEP
        words = _mixed(_mixed(self._key ^ _word(purpose)) + positions)
        return ((words >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, purpose: str, count: int) -> Floats:
        """[B, count] numbers of mean 0 and standard deviation 1 (Box and Muller's method)."""
        half = (count + 1) // 2
        flat = self.uniform(purpose, 2 * half)
        radius = np.sqrt(-2 * np.log(flat[:, :half]))
        angle = 2 * np.pi * flat[:, half:]
        both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return both[:, :count]


def _mixed(words: _Words) -> _Words:
    """SplitMix64's last step (Steele, Lea and Flood 2014): every bit depends on every bit."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


@functools.cache
def _word(purpose: str) -> np.uint64:
    digest = hashlib.blake2b(purpose.encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))
