"""Keypoints in npz files."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from python_models.presentation import keypoint_file
from python_models.presentation.keypoint_file import read_keypoints
from python_models.presentation.keypoints import Keypoints


def test_arrays(tmp_path):
    points = np.random.default_rng(0).uniform(0, 100, (4, 17, 2))
    scores = np.random.default_rng(1).uniform(0, 2, (4, 17))
    np.savez(
        tmp_path / "a.npz",
        keypoints=points,
        scores=scores,
        skeleton="coco-17",
        fps=30,
        image_size=[100, 200],
        focal=250,
    )
    found = read_keypoints(tmp_path / "a.npz")
    assert found.focal == 250
    assert np.array_equal(found.points, points)
    assert np.array_equal(found.scores, np.clip(scores, 0, 1))
    assert (found.frame_rate, found.image_size, found.frame) == (30, (100, 200), "image")
    np.savez(tmp_path / "b.npz", keypoints=np.dstack([points, points[..., :1]]), skeleton="coco-17")
    assert read_keypoints(tmp_path / "b.npz").frame == "camera"


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_arrays_that_are_wrong(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez(path, keypoints=np.array([Bomb()], object), skeleton="coco-17")
    with pytest.raises(ValueError, match="pickled objects"):
        read_keypoints(path)
    np.savez(path, keypoints=np.zeros((2, 17, 2)))
    with pytest.raises(ValueError, match="keypoints and skeleton"):
        read_keypoints(path)
    np.savez(path, keypoints=np.zeros((2, 16, 2)), skeleton="coco-17")
    with pytest.raises(ValueError, match=r"must be \[T, 17, 2\]"):
        read_keypoints(path)
    np.savez(path, keypoints=np.full((2, 17, 2), "x"), skeleton="coco-17")
    with pytest.raises(ValueError, match="must be numbers"):
        read_keypoints(path)
    np.savez(path, keypoints=np.zeros((2, 17, 2)), scores=np.zeros((2, 16)), skeleton="coco-17")
    with pytest.raises(ValueError, match="scores must be"):
        read_keypoints(path)
    np.savez(path, keypoints=np.zeros((2, 17, 2)), image_size=7, skeleton="coco-17")
    with pytest.raises(ValueError, match="image_size must be"):
        read_keypoints(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="no npz file, or not all of it"):
        read_keypoints(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("keypoints.npy", bytes(10**6))
    monkeypatch.setattr(keypoint_file, "LARGEST_ARRAYS", 10**5)
    with pytest.raises(ValueError, match="more than 100000 bytes unpacked"):
        read_keypoints(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_changed_byte_is_read_or_refused(tmp_path, save):
    rng = np.random.default_rng(0)
    path = tmp_path / "a.npz"
    points = rng.uniform(0, 100, (3, 6, 2))
    save(path, keypoints=points, skeleton="lower-body-6", fps=30, image_size=[100, 200], focal=90)
    whole = path.read_bytes()
    refused = []
    for place in rng.integers(len(whole), size=400):
        changed = bytearray(whole)
        changed[place] ^= rng.integers(1, 256)
        path.write_bytes(changed)
        try:
            found = read_keypoints(path)
        except ValueError as error:
            refused.append(str(error))
        else:
            assert isinstance(found, Keypoints)
    assert all("a.npz" in message for message in refused)
    assert len(refused) > 100  # zip files have a checksum of what is in them
