"""What test_many_processes.py has several processes do, as a script that torchrun starts.

They train the toy, and score a fresh model on a COCO folder: in one start, because importing what
is needed takes longer than either.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from python_models.data.coco_lower_body import CocoLowerBody
from python_models.data.person_batches import PersonBatches
from python_models.engine import Trainer
from python_models.heatmap_task import HeatmapTask
from python_models.models.dilated_cnn import DilatedCNN
from python_models.training.plan import Plan
from python_models.training.processes import launched_fabric
from python_models.training.schedule import Schedule
from tests import toy_training


def score(coco, folder):
    torch.manual_seed(0)
    model = DilatedCNN()
    torch.nn.init.normal_(model.head[-1].weight, std=0.1)  # joints that are not all in one place
    task = HeatmapTask((48, 64))
    trainer = Trainer(
        launched_fabric("cpu"),
        model,
        task,
        torch.optim.Adam(model.parameters()),
        Schedule("constant", 1, 1),
        Plan(epochs=1, batch_size=2),
        Path(folder),
        {},
        {},
    )
    data = CocoLowerBody.from_root(coco, "val", input_size=task.input_size)
    return trainer.evaluate(PersonBatches(data, trainer.fabric.device))


def main():
    toy, coco, folder = sys.argv[1:]
    torch.set_num_threads(1)
    toy_training.train(toy, accumulate=1, epochs=3)
    print(f"heatmaps' scores {json.dumps(score(coco, folder))}", flush=True)


if __name__ == "__main__":
    main()
