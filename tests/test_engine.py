from __future__ import annotations

import csv
import os
import signal

import pytest
import torch

from python_models.training import checkpoint
from python_models.training.plan import Plan
from python_models.training.processes import launched_fabric
from python_models.training.run_log import RunLog
from python_models.training.run_state import best_row
from tests.toy_training import SAMPLES, SCORED, Regression, Vectors, make_trainer

PLAN = Plan(epochs=5, batch_size=4, ema_decay=0.9, clip_norm=1.0, save_every=3)


def train(folder, plan=PLAN, *, resume=False, stop_at=None, number=signal.SIGINT, **options):
    """Trains; with `stop_at`, a signal comes while that batch is read."""
    trainer = make_trainer(folder, plan, **options)
    trainer.start(resume=resume)
    data = Vectors(SAMPLES)
    read = 0

    def count():
        nonlocal read
        read += 1
        if read == stop_at:
            os.kill(os.getpid(), number)

    data.on_batch = count
    return trainer, trainer.fit(data, Vectors(SCORED, seed=1))


def equal(one, other):
    """Whether two states are the same bit for bit, dictionaries and lists included."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The checkpoint and the log of a run that was not stopped."""
    folder = tmp_path_factory.mktemp("whole")
    _, outcome = train(folder)
    assert outcome == "finished"
    return checkpoint.load(folder / "last.pt"), (folder / "log.csv").read_text()


@pytest.mark.parametrize("stop_at", [1, 2, 10, 11, 12, 30, 54])
def test_a_run_stopped_anywhere_comes_to_the_same_bits(tmp_path, whole, stop_at):
    """Weights, their average, the optimizer, the log: 11 steps an epoch."""
    trainer, outcome = train(tmp_path, stop_at=stop_at)
    assert (outcome, trainer.signal) == ("interrupted", signal.SIGINT)
    state = checkpoint.load(tmp_path / "last.pt")
    assert (
        len(state["progress"]["rows"]) * 11 + state["progress"]["step"] == stop_at
    )  # not a step is lost
    _, outcome = train(tmp_path, resume=True)
    assert outcome == "finished"
    assert equal(checkpoint.load(tmp_path / "last.pt"), whole[0])
    assert (tmp_path / "log.csv").read_text() == whole[1]


def test_sigterm_is_like_ctrl_c(tmp_path):
    trainer, outcome = train(tmp_path, stop_at=7, number=signal.SIGTERM)
    assert (outcome, trainer.signal) == ("interrupted", signal.SIGTERM)
    assert checkpoint.load(tmp_path / "last.pt")["progress"]["step"] == 7


def test_a_signal_in_epochs_of_one_step_is_noticed(tmp_path):
    plan = Plan(epochs=5, batch_size=64)
    _, outcome = train(tmp_path, plan, stop_at=2)
    assert outcome == "interrupted"
    progress = checkpoint.load(tmp_path / "last.pt")["progress"]
    assert (len(progress["rows"]), progress["step"]) == (1, 1)  # before the second one's scoring


def test_the_loss_falls_and_the_rows_say_so(whole):
    rows = list(csv.DictReader(whole[1].splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    losses = [float(row["train_loss"]) for row in rows]
    assert losses[-1] < 0.8 * losses[0]
    assert {row["scored"] for row in rows} == {f"{SCORED:.1f}"}


def test_the_moving_average_is_what_is_scored_and_kept_as_the_best(tmp_path):
    trainer, _ = train(tmp_path)
    best = checkpoint.load(tmp_path / "best.pt")
    scores = [row["minus_error"] for row in trainer.progress.rows]
    assert best["rows"][-1]["minus_error"] == max(scores)
    model = trainer.scored
    model.load_state_dict(best["model"])
    assert trainer.evaluate(Vectors(SCORED, seed=1))["minus_error"] == pytest.approx(
        max(scores), abs=1e-12
    )
    last = checkpoint.load(tmp_path / "last.pt")
    assert not equal(last["model"]["0.weight"], last["average"]["module.0.weight"])


def test_an_average_without_memory_is_the_model(tmp_path):
    train(tmp_path, Plan(epochs=1, batch_size=4, ema_decay=1e-9))
    last = checkpoint.load(tmp_path / "last.pt")
    for name, weight in last["model"].items():
        torch.testing.assert_close(last["average"][f"module.{name}"], weight)


def test_accumulated_batches_make_one_step(tmp_path):
    """41 samples in steps of 3 x 4 are 4 steps, each with one call of the optimizer."""
    trainer, _ = train(tmp_path, Plan(epochs=2, batch_size=4, accumulate=3))
    state = checkpoint.load(tmp_path / "last.pt")["optimizer"]["state"]
    assert {int(parameter["step"]) for parameter in state.values()} == {8}
    assert trainer.parts == 3


def never(step):
    return 0.0


def test_training_ends_when_nothing_gets_better(tmp_path):
    """With a rate of 0 the first epoch stays the best."""
    plan = Plan(epochs=9, batch_size=4, patience=2)
    model = torch.nn.Linear(6, 2)
    trainer, outcome = train(tmp_path, plan, model=model, schedule=never)
    assert outcome == "stopped early"
    assert len(trainer.progress.rows) == 3
    _, outcome = train(tmp_path, plan, model=model, schedule=never, resume=True)
    assert outcome == "stopped early"


def test_a_loss_that_is_no_number_ends_the_run_and_names_its_batch(tmp_path):
    trainer = make_trainer(tmp_path, PLAN)
    trainer.start(resume=False)
    data = Vectors(SAMPLES)
    data.broken = {17}
    with pytest.raises(FloatingPointError, match=r"epoch 1, step \d+: the loss is nan") as caught:
        trainer.fit(data, Vectors(SCORED))
    its_batch, _, the_one_before = str(caught.value).partition("If nothing is wrong there")
    assert "vector-17" in its_batch
    assert its_batch.count("vector-") <= 4  # its batch, and no other
    assert the_one_before.count("vector-") in (0, 3, 4)
    for tensor in checkpoint.load(tmp_path / "last.pt")["model"].values():
        assert torch.isfinite(tensor).all()


def test_a_compiled_model_trains_the_same_weights(tmp_path):
    """Nothing is fused here, so that the bits are the same; what is saved has the model's names."""
    calls = []

    def backend(graph, inputs):
        calls.append(len(inputs))
        return graph.forward

    for name in ("plain", "compiled"):
        torch.manual_seed(0)
        model = torch.nn.Linear(6, 2)
        compiled = torch.compile(model, backend=backend) if name == "compiled" else None
        train(tmp_path / name, model=model, compiled=compiled)
    assert calls
    plain, same = (checkpoint.load(tmp_path / name / "last.pt") for name in ("plain", "compiled"))
    assert equal(plain, same)


class RootOfZero(Regression):
    """The loss is finite at every step, its gradient not at one: that of a root at 0."""

    def __init__(self, at):
        self.left = at

    def loss(self, model, batch):
        outputs = model(batch[0])
        self.left -= 1
        loss = (outputs - batch[1]).square().mean()
        return loss + (0 * outputs.sum()).abs().sqrt() if self.left == 0 else loss


@pytest.mark.parametrize(("at", "kept"), [(3, 0), (5, 3), (11, 9)])
def test_no_checkpoint_has_weights_that_are_no_numbers(tmp_path, at, kept):
    """Checkpoints are due at the steps 3, 6, 9 and at the epoch's end, 11."""
    trainer = make_trainer(tmp_path, PLAN)
    trainer.task = RootOfZero(at)
    trainer.start(resume=False)
    with pytest.raises(FloatingPointError, match=r"ts batch: vector-.*last\.pt is from before it"):
        trainer.fit(Vectors(SAMPLES), Vectors(SCORED, seed=1))
    state = checkpoint.load(tmp_path / "last.pt")
    assert state["progress"]["step"] == kept
    for member in ("model", "average"):
        assert all(tensor.isfinite().all() for tensor in state[member].values())
    assert not (tmp_path / "best.pt").exists()


def test_the_constraint_holds_after_every_step(tmp_path):
    def short(model):
        for weight in model.parameters():
            weight.data.clamp_(-0.05, 0.05)

    train(tmp_path, after_step=short)
    weights = checkpoint.load(tmp_path / "last.pt")["model"]
    assert max(weights[name].abs().max() for name in ("0.weight", "4.weight")) <= 0.05


def test_the_best_model_is_written_before_the_epoch_counts(tmp_path, monkeypatch):
    """Killed between the two files, the epoch is trained again, and nothing is lost."""
    names = []
    real_save = checkpoint.save

    def save(path, state):
        names.append(path.name)
        real_save(path, state)

    monkeypatch.setattr(checkpoint, "save", save)
    train(tmp_path, Plan(epochs=1, batch_size=4))
    assert names == ["last.pt", "best.pt", "last.pt"]


def test_another_model_or_step_is_refused(tmp_path):
    plan = Plan(epochs=1, batch_size=4)
    train(tmp_path, plan)
    with pytest.raises(ValueError, match=r"last\.pt: its model is another one: "):
        train(tmp_path, plan, resume=True, model=torch.nn.Linear(5, 2))
    with pytest.raises(ValueError, match=r"batches_a_step must be 1 as before, got 2"):
        train(tmp_path, Plan(epochs=2, batch_size=4, accumulate=2), resume=True)


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".last.pt.123.partial").write_bytes(b"half")
    (tmp_path / ".train-abc.partial").mkdir()  # of a crop cache's builder, which clears it itself
    train(tmp_path, Plan(epochs=1, batch_size=4))
    assert [path.name for path in tmp_path.glob(".*partial")] == [".train-abc.partial"]


def test_a_weights_only_checkpoint_cannot_be_resumed(tmp_path):
    train(tmp_path, Plan(epochs=1, batch_size=4))
    (tmp_path / "best.pt").replace(tmp_path / "last.pt")
    with pytest.raises(ValueError, match=r"no training can go on from it, it has no "):
        train(tmp_path, resume=True)


def test_a_log_that_was_cut_off_is_written_anew(tmp_path, whole):
    train(tmp_path, stop_at=30)
    (tmp_path / "log.csv").write_text("epoch,tr")
    train(tmp_path, resume=True)
    assert (tmp_path / "log.csv").read_text() == whole[1]


def test_rows_are_on_disk_when_they_are_added(tmp_path):
    with RunLog(tmp_path) as log:
        log.add({"epoch": 1, "train_loss": 0.5})
        assert (tmp_path / "log.csv").read_text().splitlines() == ["epoch,train_loss", "1,0.5"]


def test_bf16_trains_and_resumes_to_the_same_bits(tmp_path):
    """The weights stay float32; products are taken in bfloat16, so that the losses differ."""
    plan = Plan(epochs=2, batch_size=4)
    folders = [tmp_path / name for name in ("float32", "whole", "parts")]
    for folder, precision in zip(folders[:2], ("32-true", "bf16-mixed"), strict=True):
        train(folder, plan, fabric=launched_fabric("cpu", precision))
    fabric = launched_fabric("cpu", "bf16-mixed")
    train(folders[2], plan, fabric=fabric, stop_at=14)
    train(folders[2], plan, fabric=fabric, resume=True)
    states = [checkpoint.load(folder / "last.pt") for folder in folders]
    assert {tensor.dtype for tensor in states[1]["model"].values()} == {torch.float32, torch.int64}
    assert not equal(states[0]["model"], states[1]["model"])
    assert equal(states[1], states[2])


def test_a_folder_with_a_run_is_not_written_over(tmp_path):
    train(tmp_path, stop_at=3)
    before = (tmp_path / "last.pt").read_bytes()
    with pytest.raises(ValueError, match=r"has a run of 0 epochs and 3 steps: go on with --resume"):
        train(tmp_path)
    assert (tmp_path / "last.pt").read_bytes() == before


class Errors(Regression):
    """The same score as an error: the lowest one is the best."""

    best = "error"
    best_is_lowest = True

    def score(self, model, batches, total):
        return {"error": -super().score(model, batches, total)["minus_error"]}


def test_an_errors_best_epoch_is_the_lowest(tmp_path):
    plan = Plan(epochs=4, batch_size=4)
    outcomes = []
    for name, task in (("errors", Errors()), ("scores", Regression())):
        trainer = make_trainer(tmp_path / name, plan)
        trainer.task = task
        trainer.start(resume=False)
        trainer.fit(Vectors(SAMPLES), Vectors(SCORED, seed=1))
        outcomes.append(checkpoint.load(tmp_path / name / "best.pt"))
    errors, scores = outcomes
    assert len(errors["rows"]) > 1  # the first epoch is not the best
    assert equal(errors["model"], scores["model"])
    assert [row["error"] for row in errors["rows"]] == [-r["minus_error"] for r in scores["rows"]]


def test_the_best_row_has_the_highest_or_the_lowest_value_and_never_nan():
    nan = float("nan")
    rows = [{"epoch": n, "x": x} for n, x in enumerate((nan, 2.0, 1.0, 3.0, 1.0, nan, 3.0))]
    assert best_row(rows, "x")["epoch"] == 3
    assert best_row(rows, "x", lowest=True)["epoch"] == 2
    assert best_row(rows[:1], "x", lowest=True)["epoch"] == 0
