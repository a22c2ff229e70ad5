"""A small task for the training loop: learn a random map of vectors, with dropout and BatchNorm."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from python_models.engine import Trainer
from python_models.training.plan import Plan
from python_models.training.processes import launched_fabric
from python_models.training.schedule import Schedule

SAMPLES, SCORED = 41, 13


class Vectors:
    """Inputs [n, 6] and their images under a fixed map; noise that follows from the key."""

    def __init__(self, count, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.inputs = torch.randn(count, 6, generator=generator)
        self.outputs = self.inputs @ torch.randn(6, 2, generator=generator)
        self.broken = set()  # indices whose output is NaN
        self.on_batch = lambda: None

    def __len__(self):
        return len(self.inputs)

    def batches(self, blocks):
        for block in blocks:
            self.on_batch()
            indices = [index for _, index in block]
            noise = [
                torch.randn(6, generator=torch.Generator().manual_seed(1000 * epoch + index))
                for epoch, index in block
            ]
            outputs = self.outputs[indices].clone()
            outputs[[index in self.broken for index in indices]] = float("nan")
            yield self.inputs[indices] + 0.01 * torch.stack(noise), outputs

    def names(self, block):
        return " ".join(f"vector-{index}" for _, index in block)


class Regression:
    best = "minus_error"
    best_is_lowest = False

    def size(self, batch):
        return len(batch[0])

    def loss(self, model, batch):
        return (model(batch[0]) - batch[1]).square().mean()

    def score(self, model, batches, total):
        error = torch.zeros(2, dtype=torch.float64)
        for inputs, outputs in batches:
            squares = (model(inputs) - outputs).square().mean(1).double()
            error += torch.stack([squares.sum(), torch.tensor(float(len(squares))).double()])
        error_sum, count = total(error).tolist()
        return {"scored": count, "minus_error": -error_sum / count}


def make_model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2)
    )


def make_trainer(folder, plan, *, model=None, fabric=None, schedule=None, **options):
    model = make_model() if model is None else model
    return Trainer(
        launched_fabric("cpu") if fabric is None else fabric,
        model,
        Regression(),
        torch.optim.Adam(model.parameters(), lr=0.01),
        schedule or Schedule("cosine", 60, 6, warmup=3),
        plan,
        Path(folder),
        {"width": 16},
        {"width"},
        **options,
    )


def train(folder, *, accumulate, epochs):
    """Trains in a folder, saves what it came to, and prints what the start is worth."""
    plan = Plan(epochs=epochs, batch_size=4, accumulate=accumulate, ema_decay=0.9)
    trainer = make_trainer(folder, plan)
    trainer.start(resume=False)
    first = trainer.evaluate(Vectors(SCORED, seed=1))
    print(f"first scores {json.dumps(first)}", flush=True)
    outcome = trainer.fit(Vectors(SAMPLES), Vectors(SCORED, seed=1))
    print(f"{outcome} {trainer.fabric.world_size}", flush=True)
