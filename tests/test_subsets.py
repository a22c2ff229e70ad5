from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.data import make_subset
from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.coco_persons import Source
from python_models.data.subsets import Subset
from tests import coco_files

VAL538 = "coco-val538/person_keypoints_val2017_538img.json"


def command(source, output, *flags):
    return make_subset.main(["--annotations", str(source), "--output", str(output), *flags])


def mini_file(coco_mini, split="train"):
    return coco_mini / "annotations" / f"person_keypoints_{split}2017.json"


@pytest.mark.parametrize(
    ("flags", "subset"),
    [
        (("--persons", "20"), Subset(persons=20)),
        (("--persons", "20", "--seed", "7"), Subset(persons=20, seed=7)),
        (("--fully-visible",), Subset(fully_visible=True)),
        (("--fully-visible", "--persons", "9"), Subset(persons=9, fully_visible=True)),
        (("--min-joints", "4"), Subset(min_joints=4)),
        (
            ("--min-joints", "2", "--persons", "11", "--seed", "3"),
            Subset(persons=11, min_joints=2, seed=3),
        ),
    ],
)
def test_training_chooses_whom_the_command_writes(coco_mini, tmp_path, flags, subset):
    output = tmp_path / "subset.json"
    assert command(mini_file(coco_mini), output, *flags) == 0
    from_file = CocoLowerBody([Source(output, coco_mini / "train2017")])
    in_memory = CocoLowerBody.from_root(coco_mini, "train", subset=subset)
    identifiers = [person.annotation_id for person in from_file.persons]
    assert identifiers == [person.annotation_id for person in in_memory.persons]
    everyone = CocoLowerBody.from_root(coco_mini, "train").persons
    order = [person.annotation_id for person in everyone]
    assert identifiers == sorted(identifiers, key=order.index), "the file's order"
    labelled = [(person.visibility > 0).sum() for person in from_file.persons]
    assert min(labelled) >= (6 if subset.fully_visible else subset.min_joints)
    if subset.persons is not None:
        assert len(identifiers) == subset.persons
    assert "not in the subset" in in_memory.summary()


def test_images_that_are_missing_change_nobody_else(coco_mini, tmp_path):
    """The choice is made from the file; who is chosen and has no image is left out and counted."""
    output = tmp_path / "subset.json"
    assert command(mini_file(coco_mini), output, "--persons", "20") == 0
    whole = CocoLowerBody.from_root(coco_mini, "train", subset=Subset(persons=20))
    gone = whole.persons[0].image_path.name
    folder = tmp_path / "images"
    folder.mkdir()
    for image in (coco_mini / "train2017").iterdir():
        if image.name != gone:
            (folder / image.name).symlink_to(image)
    parts = [
        CocoLowerBody([Source(mini_file(coco_mini), folder)], subset=Subset(persons=20)),
        CocoLowerBody([Source(output, folder)]),
    ]
    expected = [p.annotation_id for p in whole.persons if p.image_path.name != gone]
    for part in parts:
        assert [person.annotation_id for person in part.persons] == expected
        assert part.skipped["image file is missing"] == 20 - len(expected)


def test_the_file_keeps_what_it_had(coco_mini, tmp_path):
    output = tmp_path / "new" / "subset.json"
    assert command(mini_file(coco_mini), output, "--fully-visible") == 0
    before = json.loads(mini_file(coco_mini).read_text())
    after = json.loads(output.read_text())
    assert set(after) == set(before)
    for name in set(before) - {"images", "annotations"}:
        assert after[name] == before[name]
    assert {image["id"] for image in after["images"]} == {
        row["image_id"] for row in after["annotations"]
    }
    assert all(image in before["images"] for image in after["images"])
    assert all(row in before["annotations"] for row in after["annotations"])
    assert len(after["annotations"]) == 25  # as the data's README says
    assert [p.name for p in output.parent.iterdir()] == ["subset.json"]


def test_counts_of_a_file_without_images(data_folder, tmp_path, capsys):
    """By plain counting: non-crowd rows with all six joints, or with any."""
    source = data_folder / VAL538
    rows = [row for row in json.loads(source.read_text())["annotations"] if not row["iscrowd"]]
    flags = np.array([row["keypoints"] for row in rows]).reshape(-1, 17, 3)[:, 11:, 2]
    assert command(source, tmp_path / "six.json", "--fully-visible") == 0
    written = json.loads((tmp_path / "six.json").read_text())["annotations"]
    assert len(written) == (flags > 0).all(1).sum()
    printed = f"{len(written)} of {(flags > 0).any(1).sum()} persons written"
    assert printed in capsys.readouterr().out


def test_too_many_persons_are_refused_with_their_number(coco_mini, tmp_path, capsys):
    output = tmp_path / "subset.json"
    assert command(mini_file(coco_mini), output, "--persons") == 2
    message = "subset: 20000 persons asked for, but only 53 have at least 1 annotated"
    assert message in capsys.readouterr().err
    assert not output.exists()
    with pytest.raises(ValueError, match=message):
        CocoLowerBody.from_root(coco_mini, "train", subset=Subset(persons=20000))


def test_nothing_is_overwritten_without_being_asked(coco_mini, tmp_path, capsys):
    output = tmp_path / "subset.json"
    output.write_text("mine")
    assert command(mini_file(coco_mini), output, "--persons", "5") == 2
    assert "exists; --force" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert command(mini_file(coco_mini), output, "--persons", "5", "--force") == 0
    assert len(json.loads(output.read_text())["annotations"]) == 5
    assert command(output, output, "--persons", "1", "--force") == 2
    assert "must be another file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"images": [', "not a JSON file"),
        ("[]", "no COCO annotation file"),
        (None, "does not exist"),
        ('{"images": [], "annotations": []}', "no person fits"),
    ],
)
def test_bad_files_are_one_line(tmp_path, capsys, content, message):
    source = tmp_path / "in.json"
    if content is not None:
        source.write_text(content)
    assert command(source, tmp_path / "out.json", "--fully-visible") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out.json").exists()


def test_a_full_disk_leaves_nothing(coco_mini, tmp_path):
    """A limit on the size of files stands for the disk's."""
    code = (
        "import resource, signal, sys\n"
        "from python_models.data import make_subset\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "sys.exit(make_subset.main(sys.argv[1:]))\n"
    )
    arguments = ("--annotations", mini_file(coco_mini), "--output", tmp_path / "out.json")
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments), "--fully-visible"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    assert result.returncode == 2
    assert "error: [Errno 27] File too large" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_command_needs_a_condition(tmp_path):
    with pytest.raises(SystemExit):
        command(tmp_path / "in.json", tmp_path / "out.json")


@given(st.integers(1, 40), st.integers(0, 2**31), st.integers(0, 2**31))
def test_a_choice_follows_from_ids_and_seed_alone(persons, seed, shuffle):
    identifiers = list(range(100, 150))
    visibility = np.random.default_rng(0).integers(0, 3, (50, 6))
    visibility[:, 0] = 2
    subset = Subset(persons=persons, seed=seed)
    chosen = subset.choose(identifiers, visibility)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == persons
    order = np.random.default_rng(shuffle).permutation(50)
    again = subset.choose([identifiers[i] for i in order], visibility[order])
    assert sorted(order[again]) == chosen
    larger = Subset(persons=persons + 10, seed=seed).choose(identifiers, visibility)
    assert set(chosen) < set(larger)


def test_every_person_is_as_likely(tmp_path):
    """Each of 50 is chosen in a fifth of 1000 seeds: 200, give or take 12.6; five times that."""
    visibility = np.full((50, 6), 2)
    counts = np.zeros(50)
    for seed in range(1000):
        counts[Subset(persons=10, seed=seed).choose(range(50), visibility)] += 1
    assert np.abs(counts - 200).max() < 63


@pytest.mark.parametrize("options", [{"persons": 0}, {"min_joints": 0}, {"min_joints": 7}])
def test_bad_numbers_are_refused(options):
    with pytest.raises(ValueError, match=f"Subset: {next(iter(options))} must be"):
        Subset(**options)


def test_a_subset_of_several_sources(tmp_path):
    root = coco_files.write(tmp_path, [coco_files.person(i) for i in (1, 2)])
    coco_files.write(tmp_path, [coco_files.person(i) for i in (3, 4)], split="val")
    sources = [
        Source(root / "annotations" / f"person_keypoints_{s}2017.json", root / f"{s}2017")
        for s in ("train", "val")
    ]
    data = CocoLowerBody(sources, subset=Subset(persons=3))
    assert len(data) == 3
    assert data.skipped == {"not in the subset": 1}
