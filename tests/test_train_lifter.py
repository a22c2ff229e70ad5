from __future__ import annotations

import csv
import json
import os
import signal

import numpy as np
import pytest
import torch

from python_models import train_lifter, trained_lifter
from python_models.data.synthetic_squats import generate
from python_models.evaluation import lifting
from python_models.models import max_norm
from python_models.motion.lifter_pairs import LifterPairs
from python_models.motion.synthetic_squat_poses import read_synthetic_squats
from python_models.training import checkpoint, options
from python_models.training.lifter_data import balanced, split_subjects
from tests.lifter_inputs import squat, write_vicon
from tests.test_detected_pairs import result, write

SMALL = ["--width", "32", "--batch-size", "16", "--accelerator", "cpu"]


@pytest.fixture(scope="module")
def vicon(tmp_path_factory):
    return write_vicon(tmp_path_factory.mktemp("data") / "vicon-positions")


@pytest.fixture(scope="module")
def run(tmp_path_factory, vicon):
    """A run of three epochs, scored on s02."""
    folder = tmp_path_factory.mktemp("run") / "lifter"
    assert train(vicon, folder) == 0
    return folder


def train(vicon, folder, *flags):
    data = ["--motions", "ui-prmd-vicon", str(vicon), "--val-subjects", "s02", "--every", "1"]
    return train_lifter.main(
        [*data, *SMALL, "--cameras", "2", "--epochs", "3", "--output", str(folder), *flags]
    )


def rows_of(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_a_log_checkpoints_and_a_report(run):
    rows = rows_of(run)
    assert len(rows) == 3
    assert {"mpjpe", "n_mpjpe", "pa_mpjpe", "knee_angle_error", "val_loss"} <= rows[0].keys()
    best = checkpoint.load(run / "best.pt")
    assert best["rows"][-1]["mpjpe"] == min(float(row["mpjpe"]) for row in rows)
    text = (run / "report.md").read_text()
    for word in ("deep squat", "inline lunge", "constant pose", "2D only", "| all |"):
        assert word in text
    assert "vicon-positions" not in text  # nobody else's paths
    report = json.loads((run / "report.json").read_text())["scores"]
    # The report is of the best weights: the log's numbers, but for float32 sums of other batches.
    assert report["all"]["lifter"]["mpjpe"] == pytest.approx(best["rows"][-1]["mpjpe"], rel=1e-6)
    assert report["deep squat"]["pairs"] == report["inline lunge"]["pairs"] == 12
    assert (run / "curves.png").stat().st_size > 1000


def test_weights_are_constrained_at_the_end_of_the_run(run):
    for state in (checkpoint.load(run / "last.pt"), checkpoint.load(run / "best.pt")):
        linear = [w for name, w in state["model"].items() if w.ndim == 2 and "weight" in name]
        assert len(linear) == 6
        assert max(weight.norm(dim=1).max() for weight in linear) <= 1 + 1e-6


def test_a_run_that_was_stopped_comes_to_the_same_bits(tmp_path, vicon, run, monkeypatch):
    steps = 0

    def stopping(model, limit):
        nonlocal steps
        steps += 1
        max_norm_constrain(model, limit)
        if steps == 4:  # in the second epoch of three steps
            os.kill(os.getpid(), signal.SIGINT)

    max_norm_constrain = max_norm.constrain
    monkeypatch.setattr(max_norm, "constrain", stopping)
    assert train(vicon, tmp_path) == 128 + signal.SIGINT
    assert train(vicon, tmp_path, "--resume", "--learning-rate", "0.01") == 2  # another run
    assert train(vicon, tmp_path, "--resume") == 0
    one, other = (checkpoint.load(folder / "last.pt")["model"] for folder in (run, tmp_path))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert rows_of(run) == rows_of(tmp_path)


def test_the_table_can_be_made_again(run, vicon, tmp_path, capsys):
    assert lifting.main(["--weights", str(run / "best.pt"), "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "note:" not in printed
    assert (tmp_path / "report.md").read_text() in (run / "report.md").read_text()
    scores = json.loads((run / "report.json").read_text())["scores"]
    assert json.loads((tmp_path / "report.json").read_text()) == scores
    moved = ["--motions", "ui-prmd-vicon", str(tmp_path / "nowhere")]
    assert lifting.main(["--weights", str(run / "best.pt"), *moved]) == 2
    assert "nowhere does not exist" in capsys.readouterr().err


def test_the_learning_rate_decays_in_steps():
    args = train_lifter.parse(["--squats", "8"])
    assert (args.learning_rate, args.batch_size, args.epochs, args.weight_decay) == (
        1e-3, 64, 200, 0.0,
    )  # fmt: skip
    rates = [train_lifter.learning_rate(args, 10, step) for step in (0, 99_999, 100_000, 250_000)]
    assert rates == [1, 1, 0.96, 0.96**2]
    args = train_lifter.parse(["--squats", "8", "--decay-steps", "0"])
    assert train_lifter.learning_rate(args, 10, 10**6) == 1


@pytest.mark.parametrize("model", ["sem_gcn", "sem_gcn_local"])
def test_graph_networks_train_on_squats(tmp_path, model):
    flags = ["--model", model, "--squats", "40", "--val-squats", "8", "--cameras", "1"]
    assert train_lifter.main([*SMALL, *flags, "--epochs", "1", "--output", str(tmp_path)]) == 0
    lifter = trained_lifter.load(tmp_path / "best.pt")
    assert lifter.lift(np.random.default_rng(0).normal(99, 9, (3, 6, 2)), [256, 256]).shape == (
        3,
        6,
        3,
    )


def test_fine_tuning_on_detections_starts_from_another_run(tmp_path, run, capsys):
    generate(tmp_path / "squats", train=8, val=4, image_size=64, processes=1)
    files = []
    for split in ("train", "val"):
        poses = read_synthetic_squats(tmp_path / "squats", split)
        rows = [result(n + 1, keypoints + 0.1) for n, keypoints in enumerate(poses.keypoints)]
        files.append(str(write(tmp_path / f"{split}.json", rows)))
    data = ["--detections", str(tmp_path / "squats"), *files, "--min-pck", "0.5"]
    tune = [*data, *SMALL, "--weights", str(run / "best.pt"), "--epochs", "1"]
    assert (
        train_lifter.main([*tune, "--output", str(tmp_path / "a"), "--learning-rate", "1e-9"]) == 0
    )
    before, after = (
        checkpoint.load(path)["model"] for path in (run / "best.pt", tmp_path / "a" / "last.pt")
    )
    weights = [name for name in before if name.endswith("weight") or name.startswith("output")]
    for name in weights:  # a step of Adam's is the rate; the rest is float32, and max-norm's rows
        torch.testing.assert_close(after[name], before[name], atol=2e-9, rtol=2.4e-7)
    capsys.readouterr()
    assert train_lifter.main([*tune, "--width", "16", "--output", str(tmp_path / "b")]) == 2
    assert "are weights of another model" in capsys.readouterr().err
    assert train_lifter.main([*tune, "--frame", "image", "--output", str(tmp_path / "c")]) == 2
    assert "got options for" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((options.EXPERIMENTS / "lifter").glob("*.toml")),
                         ids=lambda path: path.stem)  # fmt: skip
def test_every_experiment_is_understood(path):
    args = train_lifter.parse(["--experiment", path.stem])
    json.dumps(options.settings_of(args))


def test_one_kind_of_data_is_named(capsys, tmp_path):
    for flags in ([], ["--squats", "4", "--motions", "cmu", "x"]):
        assert train_lifter.main([*SMALL, *flags, "--output", str(tmp_path / "x")]) == 2
        assert "one of --motions, --squats and --detections" in capsys.readouterr().err


def test_workers_are_refused(capsys, tmp_path):
    flags = [*SMALL, "--squats", "8", "--workers", "2", "--output", str(tmp_path / "x")]
    assert train_lifter.main(flags) == 2
    assert "--workers must be 0" in capsys.readouterr().err


def test_subjects_are_on_one_side_each():
    motions = [squat(subject) for subject in ("a", "b", "c", "d", "a", "b")]
    assert split_subjects(motions, ["b"], 0.5, 0) == {"b"}
    drawn = [split_subjects(motions, [], 0.5, seed) for seed in range(20)]
    assert {len(chosen) for chosen in drawn} == {2}
    assert len({frozenset(chosen) for chosen in drawn}) > 1  # by the seed
    assert split_subjects(motions, [], 0.5, 3) == drawn[3]
    assert len(split_subjects(motions, [], 0.01, 0)) == 1
    with pytest.raises(ValueError, match=r"\['x'\] are not among"):
        split_subjects(motions, ["x", "a"], 0.5, 0)
    with pytest.raises(ValueError, match="no subject is left"):
        split_subjects(motions, ["a", "b", "c", "d"], 0.5, 0)


def test_rare_actions_are_repeated():
    motions = [squat("a", 40), squat("b", 30), squat("a", 12, "lunge"), squat("b", 9, "lunge")]
    motions += [squat("a", 60, "walk")]
    again = balanced(motions)
    frames = {
        action: sum(len(motion) for motion in again if motion.action == action)
        for action in ("deep squat", "lunge", "walk")
    }
    assert frames == {"deep squat": 70, "lunge": 63, "walk": 60}
    assert [m.name for m in again if m.action == "deep squat"] == [m.name for m in motions[:2]]


def test_a_lifter_gives_points_for_whom_it_can_see(run):
    lifter = trained_lifter.load(run / "best.pt")
    keypoints = np.random.default_rng(0).normal(500, 90, (4, 6, 2))
    keypoints[1, 2] = np.nan
    keypoints[2, 0, 1] = np.inf
    points = lifter.lift(keypoints, np.array([1000, 1000]))
    assert points.shape == (4, 6, 3)
    assert np.isfinite(points[[0, 3]]).all()
    assert np.isnan(points[[1, 2]]).all()
    # The person's frame: neither place nor size in the picture counts.
    moved = lifter.lift(keypoints[[0, 3]] * 2 + 77, np.array([4000, 3000]))
    np.testing.assert_allclose(moved, points[[0, 3]], atol=1e-3)  # mm, of float32 inputs
    assert lifter.lift(np.zeros((0, 6, 2)), np.array([9, 9])).shape == (0, 6, 3)
    with pytest.raises(ValueError, match=r"\[N, 6, 2\]"):
        lifter.lift(keypoints[0], np.array([9, 9]))


def test_a_lifter_that_knows_cameras_asks_for_their_focal_length(tmp_path, run):
    flags = ["--squats", "40", "--val-squats", "8", "--calibrated", "--frame", "image"]
    assert train_lifter.main([*SMALL, *flags, "--epochs", "1", "--output", str(tmp_path)]) == 0
    lifter = trained_lifter.load(tmp_path / "best.pt")
    flat = np.random.default_rng(0).normal(0, 0.2, (3, 6, 2))  # x / z
    one = lifter.lift(flat * 128 + 127.5, np.array([256, 256]), 128.0)
    focal = np.array([500.0, 900.0, 1300.0])
    other = flat * focal[:, None, None] + [499.5, 299.5]
    # The same rays, whatever camera: float32 of numbers below 1000.
    np.testing.assert_allclose(lifter.lift(other, np.array([1000, 600]), focal), one, atol=1e-2)
    with pytest.raises(ValueError, match="needs the focal length"):
        lifter.lift(other, np.array([1000, 600]))
    with pytest.raises(ValueError, match="positive"):
        lifter.lift(other, np.array([1000, 600]), 0.0)
    with pytest.raises(ValueError, match="takes no focal length"):
        trained_lifter.load(run / "best.pt").lift(other, np.array([1000, 600]), focal)


def test_it_lifts_as_it_was_scored(run, vicon):
    """From pixels: the same points as those of the data's own inputs."""
    lifter = trained_lifter.load(run / "best.pt")
    args = train_lifter.parse(["--motions", "ui-prmd-vicon", str(vicon), *SMALL,
                               "--val-subjects", "s02", "--every", "1"])  # fmt: skip
    _, val = train_lifter.lifter_data.open_data(args, lifter.task, torch.device("cpu"))
    assert isinstance(val, LifterPairs)
    batch = val.batch([(0, n) for n in range(8)])
    with torch.no_grad():
        expected = lifter.model(batch["inputs"]).numpy()
    points = lifter.lift(batch["keypoints"].numpy(), batch["size"].numpy())
    np.testing.assert_allclose(points, expected, atol=0.05)  # float32 pixels up to 1000, in mm


def test_gaps_are_filled_by_a_lifter_that_has_learnt_to(tmp_path, vicon):
    folder = tmp_path / "noisy"
    assert train(vicon, folder, "--noise", "hard", "--epochs", "1", "--ema", "0.9") == 0
    lifter = trained_lifter.load(folder / "last.pt")  # its average
    keypoints = np.random.default_rng(0).normal(500, 90, (3, 6, 2))
    keypoints[0, 2] = np.nan  # an ankle
    keypoints[1, 3] = np.nan  # a hip
    finite = np.isfinite(lifter.lift(keypoints, np.array([1000, 1000]))).all(axis=(1, 2))
    assert finite.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"settings": None}, "must be the checkpoint of a training run"),
        ({"settings": {"model": "resnet18"}}, "model must be among"),
        ({"settings": {"model": "martinez", "width": -3}}, "not those of a run"),
        ({"settings": {"model": "martinez", "width": 31}}, "not those of a martinez"),
        ({"model": {}}, "not those of a martinez"),
    ],
)
def test_other_checkpoints_are_refused(tmp_path, run, change, message):
    state = checkpoint.load(run / "best.pt")
    torch.save({**state, **change}, tmp_path / "x.pt")
    with pytest.raises(ValueError, match=message):
        trained_lifter.load(tmp_path / "x.pt")


def test_fine_tuning_across_calibration_is_refused(tmp_path, capsys):
    """The keypoints of the one are those of one standard camera, the other's of any."""
    flags = ["--squats", "20", "--val-squats", "4", "--frame", "image", "--epochs", "1"]
    first = [*SMALL, *flags, "--calibrated", "--output", str(tmp_path / "first")]
    assert train_lifter.main(first) == 0
    tune = [*SMALL, *flags, "--weights", str(tmp_path / "first" / "best.pt")]
    assert train_lifter.main([*tune, "--output", str(tmp_path / "a")]) == 2
    assert "was trained with --calibrated, this run is without" in capsys.readouterr().err
    assert train_lifter.main([*tune, "--calibrated", "--output", str(tmp_path / "b")]) == 0


@pytest.mark.parametrize(
    "flags",
    [["--squats", "8", "--batch-size", "1"], ["--squats", "1"],
     ["--squats", "3", "--batch-size", "2"]],
)  # fmt: skip
def test_a_batch_of_one_pair_is_refused(tmp_path, capsys, flags):
    rest = ["--width", "32", "--val-squats", "4", "--accelerator", "cpu", "--epochs", "1"]
    assert train_lifter.main([*rest, *flags, "--output", str(tmp_path / "x")]) == 2
    assert "--batch-size" in capsys.readouterr().err
    graph = [*rest, *flags, "--model", "sem_gcn", "--output", str(tmp_path / "graph")]
    assert train_lifter.main(graph) == 0, "its batches are of joints"


def test_max_norm_is_the_models_own():
    for model, limit in (("martinez", 1), ("sem_gcn", 0), ("sem_gcn_local", 0)):
        assert train_lifter.parse(["--model", model]).max_norm == limit
        assert train_lifter.parse(["--model", model, "--max-norm", "2"]).max_norm == 2


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        *(
            (["--squats", "8"], flags)
            for flags in (["--balance"], ["--every", "2"], ["--val-subjects", "s02"],
                          ["--without", "lunge"], ["--val-part", "0.5"], ["--split-seed", "1"],
                          ["--varied-legs", "5"], ["--min-pck", "0.1"],
                          ["--crossed-legs", "0.5"])
        ),
        (["--motions", "cmu", "x"], ["--min-pck", "0.1"]),
        (["--motions", "cmu", "x"], ["--val-squats", "9"]),
        (["--motions", "cmu", "x"], ["--calibrated"]),
        (["--motions", "cmu", "x"], ["--crossed-legs", "0.5"]),
        (["--detections", "x", "y", "z"], ["--cameras", "2"]),
        (["--detections", "x", "y", "z"], ["--every", "2"]),
    ],
)  # fmt: skip
def test_an_option_for_other_data_is_refused(tmp_path, capsys, kind, flags):
    output = ["--epochs", "1", "--output", str(tmp_path / "x")]
    assert train_lifter.main([*SMALL, *kind, *flags, *output]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert f"{flags[0]} is for --" in error
    assert "_" not in error, "options as they are typed"
