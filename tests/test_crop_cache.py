from __future__ import annotations

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from python_models.data import crop_build, crop_cache
from python_models.data.augmentation import Augmentation
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.crop_store import CropCache
from python_models.data.samples import Unreadable, loader
from python_models.data.subsets import Subset
from tests import coco_files

ROOT = Path(__file__).parent.parent
SMALL = (48, 64)
MOVING = Augmentation(flip=0.5, scale=0.35, rotation=40, half_body=0.3, saturation=0.3)


@pytest.fixture
def root(tmp_path):
    """Five persons in three images, the last of which is none."""
    images = np.random.default_rng(0).integers(0, 256, (3, 120, 100, 3), dtype=np.uint8)
    rows = [coco_files.person(i, image_id=1 + i // 2) for i in range(1, 6)]
    folder = coco_files.write(tmp_path / "coco", rows, images=images)
    (folder / "train2017" / "3.png").write_bytes(b"no image")
    return folder


def opened(root, **options):
    return CocoLowerBody.from_root(root, "train", **({"input_size": SMALL} | options))


def assert_same(first, second):
    if isinstance(first, Unreadable):
        assert first == second
        return
    for name in ("image", "joints", "visible"):
        assert torch.equal(first[name], second[name]), name
    assert first["index"] == second["index"]


def names(folder):
    """All but the lock, which stays for the next."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize(
    "augmentation", [None, Augmentation(), Augmentation(flip=0.5, brightness=0.3, saturation=0.5)]
)
def test_samples_have_the_same_bytes_as_without(coco_mini, tmp_path, split, augmentation):
    options = {"augmentation": augmentation, "seed": 2}
    plain, cached = (CocoLowerBody.from_root(coco_mini, split, **options) for _ in range(2))
    cached.use(crop_cache.prepare(cached, tmp_path / "crops"))
    for index in range(len(plain)):
        assert_same(plain[index], cached[index])
        assert_same(plain[3, index], cached[3, index])
    cached.use(None)
    assert_same(plain[0], cached[0])


def test_moved_samples_are_nearly_the_same(coco_mini, tmp_path):
    """The joints to the bit; pixels interpolated once more, or from fewer where enlarged."""
    augmentation = Augmentation(flip=0.5, scale=0.35, rotation=40)
    plain, cached = (
        CocoLowerBody.from_root(coco_mini, "train", augmentation=augmentation) for _ in range(2)
    )
    cached.use(crop_cache.prepare(cached, tmp_path / "crops"))
    for index in range(len(plain)):
        assert_same(plain[index], cached[index])
        there, here = plain[1, index], cached[1, index]
        assert torch.equal(there["joints"], here["joints"])
        assert torch.equal(there["visible"], here["visible"])
        assert (there["image"].float() - here["image"].float()).abs().mean() < 6


def test_half_body_alone_needs_no_wide_file(root, tmp_path):
    data = opened(root, augmentation=Augmentation(half_body=1))
    cache = crop_cache.prepare(data, tmp_path / "crops")
    assert names(cache.folder) == ["cache.json", "plain.npy"]
    data.use(cache)
    assert not data.view((0, 0)).shows(data.crop(0))
    assert data[0, 0]["image"].float().mean() > 50


def test_unreadable_images_are_remembered(root, tmp_path):
    plain, cached = opened(root), opened(root)
    cache = crop_cache.prepare(cached, tmp_path / "crops")
    cached.use(cache)
    assert set(cache.unreadable) == {3, 4}
    for index in range(5):
        assert_same(plain[index], cached[index])
        assert_same(plain[0, index], cached[0, index])


def test_several_processes_write_the_same_bytes(root, tmp_path):
    data = opened(root, augmentation=MOVING)
    for processes in (1, 2):
        crop_cache.prepare(data, tmp_path / f"crops{processes}", processes=processes)
    for name in ("plain.npy", "wide.npy", "cache.json"):
        assert (tmp_path / "crops1" / name).read_bytes() == (
            tmp_path / "crops2" / name
        ).read_bytes()
    assert names(tmp_path) == ["coco", "crops1", "crops2"]


def test_a_cache_is_made_once(root, tmp_path):
    first = crop_cache.prepare(opened(root), tmp_path / "crops")
    made = (first.folder / "plain.npy").stat()
    again = crop_cache.prepare(opened(root), tmp_path / "crops")
    assert (again.folder / "plain.npy").stat().st_ino == made.st_ino
    moved = root.rename(root.with_name("moved"))
    assert len(CropCache.open(tmp_path / "crops", opened(moved))) == 5, "where it lies is no matter"


def touch(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def annotations(root):
    return root / "annotations" / "person_keypoints_train2017.json"


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda root: touch(root / "train2017" / "1.png"), {}),
        (lambda root: (root / "train2017" / "3.png").write_bytes(b"another"), {}),
        (lambda root: annotations(root).write_text(annotations(root).read_text() + " "), {}),
        (None, {"input_size": (64, 48)}),
        (None, {"box_scale": 1.25}),
        (None, {"augmentation": Augmentation(scale=0.1)}),
        (None, {"subset": Subset(persons=4)}),
    ],
)
def test_a_stale_cache_is_refused_and_made_anew(root, tmp_path, change, options):
    crop_cache.prepare(opened(root), tmp_path / "crops")
    if change is not None:
        change(root)
    data = opened(root, **options)
    with pytest.raises(ValueError, match=r"crops: the crop cache is of other persons, settings"):
        CropCache.open(tmp_path / "crops", data)
    data.use(crop_cache.prepare(data, tmp_path / "crops"))
    for index in range(len(data)):
        assert_same(data[index], opened(root, **options)[index])
    assert names(tmp_path) == ["coco", "crops"]


def test_another_pillow_makes_it_stale(root, tmp_path, monkeypatch):
    crop_cache.prepare(opened(root), tmp_path / "crops")
    monkeypatch.setattr("PIL.__version__", "0.1")
    with pytest.raises(ValueError, match="of other persons, settings or files"):
        CropCache.open(tmp_path / "crops", opened(root))


def shorten(path):
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize(
    ("file", "harm", "message"),
    [
        ("plain.npy", shorten, "not a whole file"),
        ("wide.npy", shorten, "not a whole file"),
        ("plain.npy", lambda path: path.write_bytes(b""), "not a whole file"),
        ("plain.npy", lambda path: path.write_bytes(b"\0" * 5000), "not a whole file"),
        ("plain.npy", Path.unlink, "not a whole file"),
        ("plain.npy", lambda path: path.open("ab").write(b"\0" * 5000), "must be uint8"),
        ("plain.npy", lambda path: np.save(path, np.zeros((5, 64, 48, 3))), "must be uint8"),
        (
            "plain.npy",
            lambda path: np.save(path, np.array([{}], object), allow_pickle=True),
            "not a whole file",
        ),
    ],
)
def test_a_cache_that_is_not_whole_is_refused_and_made_anew(root, tmp_path, file, harm, message):
    data = opened(root, augmentation=MOVING)
    crop_cache.prepare(data, tmp_path / "crops")
    harm(tmp_path / "crops" / file)
    with pytest.raises(ValueError, match=rf"{file}: {message}"):
        CropCache.open(tmp_path / "crops", data)
    data.use(crop_cache.prepare(data, tmp_path / "crops"))
    assert_same(data[0], opened(root)[0])


def test_another_version_is_refused_and_made_anew(root, tmp_path):
    cache = crop_cache.prepare(opened(root), tmp_path / "crops")
    index = json.loads((cache.folder / "cache.json").read_text())
    (cache.folder / "cache.json").write_text(json.dumps(index | {"version": 0}))
    with pytest.raises(ValueError, match="version must be 2, got 0"):
        CropCache.open(cache.folder, opened(root))
    assert len(crop_cache.prepare(opened(root), cache.folder)) == 5


@pytest.mark.parametrize("content", ["", "{", "[]", '{"kind": "another"}', None])
def test_a_folder_with_something_else_is_left_alone(root, tmp_path, content):
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / ("thesis.txt" if content is None else "cache.json")).write_text(content or "")
    with pytest.raises(FileExistsError, match="precious exists and holds no crop cache"):
        crop_cache.prepare(opened(root), folder)
    assert len(names(folder)) == 1
    assert names(tmp_path) == ["coco", "precious"]


def test_a_file_beside_a_stale_cache_is_left_alone(root, tmp_path):
    cache = crop_cache.prepare(opened(root), tmp_path / "crops")
    (cache.folder / "thesis.txt").write_text("years of work")
    assert len(crop_cache.prepare(opened(root), cache.folder)) == 5, "not stale: nothing to do"
    with pytest.raises(FileExistsError, match=r"stale, but thesis\.txt is there too"):
        crop_cache.prepare(opened(root, box_scale=1.5), cache.folder)
    assert names(cache.folder) == ["cache.json", "plain.npy", "thesis.txt"]


@pytest.mark.parametrize(
    "fields", [{"size": None}, {"unreadable": 5}, {"unreadable": [["a", "b"]]}, {"wide_size": 7}]
)
def test_an_index_with_other_fields_is_refused_and_made_anew(root, tmp_path, fields):
    cache = crop_cache.prepare(opened(root), tmp_path / "crops")
    index = json.loads((cache.folder / "cache.json").read_text())
    (cache.folder / "cache.json").write_text(json.dumps(index | fields))
    with pytest.raises(ValueError, match="not the index of a crop cache"):
        CropCache.open(cache.folder, opened(root))
    assert len(crop_cache.prepare(opened(root), cache.folder)) == 5


@pytest.mark.parametrize("flags", [("--input-size", "0", "5"), ("--box-scale", "nan")])
def test_sizes_of_the_command_must_be_positive(root, tmp_path, flags):
    with pytest.raises(SystemExit):
        crop_cache.main(["--data", str(root), "--output", str(tmp_path / "crops"), *flags])


def test_an_empty_folder_is_filled(root, tmp_path):
    (tmp_path / "crops").mkdir()
    with pytest.raises(FileNotFoundError, match="crops: no crop cache there"):
        CropCache.open(tmp_path / "crops", opened(root))
    assert len(crop_cache.prepare(opened(root), tmp_path / "crops")) == 5


def test_another_data_sets_cache_is_refused(root, tmp_path):
    cache = crop_cache.prepare(opened(root), tmp_path / "crops")
    with pytest.raises(ValueError, match=r"must be of \(persons, size, wide size\) \(4, "):
        opened(root, subset=Subset(persons=4)).use(cache)
    with pytest.raises(ValueError, match="must be of"):
        opened(root, augmentation=MOVING).use(cache)


def test_what_passes_is_not_remembered(root, tmp_path, monkeypatch):
    """A disk that fails is no property of the image."""

    def fails(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(crop_build, "rgb_image", fails)
    with pytest.raises(OSError, match="Input/output error"):
        crop_cache.prepare(opened(root), tmp_path / "crops")
    assert names(tmp_path) == ["coco"]


def test_images_that_change_meanwhile_are_noticed(root, tmp_path, monkeypatch):
    real = crop_cache.cut_all

    def cut_all(*arguments):
        yield from real(*arguments)
        touch(root / "train2017" / "2.png")

    monkeypatch.setattr(crop_cache, "cut_all", cut_all)
    with pytest.raises(ValueError, match="changed while they were read"):
        crop_cache.prepare(opened(root), tmp_path / "crops")
    assert names(tmp_path) == ["coco"]


def test_a_box_that_pillow_suspects_costs_its_person_alone(tmp_path):
    rows = [coco_files.person(1), coco_files.person(2, bbox=[0, 0, 20_000, 20_000])]
    root = coco_files.write(tmp_path / "coco", rows)
    plain, cached = opened(root), opened(root)
    cached.use(crop_cache.prepare(cached, tmp_path / "crops"))
    assert isinstance(plain[1], Unreadable)
    for index in range(2):
        assert_same(plain[index], cached[index])


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_workers_map_the_files_themselves(root, tmp_path, workers):
    data = opened(root, augmentation=MOVING)
    data.use(crop_cache.prepare(data, tmp_path / "crops"))
    assert len(pickle.dumps(data)) < 5000, "a mapped array would be sent whole"
    (batch,) = loader(data, [[(1, 0), 2, 4]], workers=workers)
    for position, key in enumerate([(1, 0), 2]):
        assert torch.equal(batch["samples"]["image"][position], data[key]["image"])
    assert batch["unreadable"] == [data[4]]
    copy = pickle.loads(pickle.dumps(data))
    assert_same(copy[1, 1], data[1, 1])


def test_samples_cannot_write_into_the_cache(root, tmp_path):
    data = opened(root)
    data.use(crop_cache.prepare(data, tmp_path / "crops"))
    before = data[0]["image"].clone()
    data[0]["image"].zero_()
    assert torch.equal(data[0]["image"], before)


def command(*arguments):
    return [sys.executable, "-m", "python_models.data.crop_cache", *map(str, arguments)]


def test_a_killed_build_leaves_no_cache(root, tmp_path):
    """Nor workers that wait for ever; the next build clears what it left on the disk."""
    work = tmp_path / "work"
    work.mkdir()
    arguments = ("--data", root, "--output", work / "crops", "--processes", 2)
    process = subprocess.Popen(command(*arguments), cwd=ROOT, start_new_session=True)
    try:
        wait_for(lambda: list(work.glob(".crops-*.partial/cache/plain.npy")))
        process.kill()
        process.wait(60)
        wait_for(lambda: is_gone(process.pid))
    finally:
        if not is_gone(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    assert not (work / "crops").exists()
    (left,) = names(work)
    assert left.startswith(".crops-")
    assert len(crop_cache.prepare(opened(root), work / "crops")) == 5
    assert names(work) == ["crops"]


def wait_for(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("a minute passed")


def is_gone(group):
    """Whether no process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_several_builders_make_one_cache(root, tmp_path):
    """As the ranks of a run do, which start together."""
    work = tmp_path / "work"
    work.mkdir()
    arguments = ("--data", root, "--output", work / "crops", "--input-size", *SMALL)
    processes = [
        subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert printed.startswith("5 persons (2 of unreadable images), 0.0 MB in ")
    assert names(work) == ["crops"]
    data = opened(root, augmentation=Augmentation())
    data.use(CropCache.open(work / "crops", data))
    assert_same(data[0], opened(root)[0])


def test_a_file_system_without_locks_will_do(root, tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    other = tmp_path / ".crops-other.partial"
    other.mkdir()
    assert len(crop_cache.prepare(opened(root), tmp_path / "crops")) == 5
    assert other.exists(), "somebody else may be building there"


def test_two_that_build_at_once_leave_one(root, tmp_path, monkeypatch):
    """Without locks: the one that comes later finds a folder that was not there before."""
    real, calls = crop_cache._build, []

    def build(data, folder, processes):
        real(data, folder, processes)
        if not calls:
            calls.append(folder)
            real_folder = tmp_path / "crops"
            real_folder.mkdir()
            for path in folder.iterdir():
                (real_folder / path.name).write_bytes(path.read_bytes())

    monkeypatch.setattr(crop_cache, "_build", build)
    data = opened(root)
    data.use(crop_cache.prepare(data, tmp_path / "crops"))
    assert_same(data[0], opened(root)[0])
    assert names(tmp_path) == ["coco", "crops"]


def test_a_full_disk_is_one_line_and_leaves_nothing(root, tmp_path):
    """A limit on the size of files stands for the disk's."""
    code = (
        "import resource, signal, sys\n"
        "from python_models.data import crop_cache\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "sys.exit(crop_cache.main(sys.argv[1:]))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "--data", root, "--output", tmp_path / "crops"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.returncode == 2
    assert "no room for 0.7 MB of crops: File too large" in result.stderr
    assert result.stderr.count("\n") == 1
    assert names(tmp_path) == ["coco"]


def test_the_command_makes_what_training_uses(root, tmp_path, capsys):
    arguments = [
        *("--data", str(root), "--output", str(tmp_path / "crops"), "--input-size", "48", "64"),
        *("--scale", "0.35", "--rotation", "40", "--half-body", "0.3", "--persons", "3"),
    ]
    assert crop_cache.main(arguments) == 0
    assert capsys.readouterr().out.startswith("3 persons (")
    data = opened(root, augmentation=MOVING, subset=Subset(persons=3))
    assert len(CropCache.open(tmp_path / "crops", data)) == 3
    assert crop_cache.main([*arguments[:2], *arguments[2:3], str(root)]) == 2
    assert "holds no crop cache" in capsys.readouterr().err
