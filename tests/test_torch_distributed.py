"""DistributedDataParallel on two processes: the gradients of the whole batch."""

from __future__ import annotations

import json

from tests.metric_ranks import run_ranks

# Each rank has every second sample. As many on each: so the mean of their means is the mean.
TRAIN = """
import json
from torch.nn.parallel import DistributedDataParallel
from tests.heatmap_samples import maps
from tests.tensor_programs import TRAINED
from tests.test_torch_training import network

BATCH = 6
# What is divided by a sum over the batch is divided by the rank's own.
OWN = {"joints_mse_loss, visible, masked", "joints_mse_loss, weighted", "JointsMSELoss, stages"}

def gradients(program, model, mine):
    inputs = program.draw((BATCH, 4, 12, 10))[1:]
    others = [each[mine] if each.shape[:1] == (BATCH,) else each for each in inputs]
    output = model(maps((BATCH, 3, 12, 10))[mine])
    program.run(output, *others).mean().backward()
    return [parameter.grad for parameter in model.parameters()]

errors = {}
for name in sorted(TRAINED.keys() - OWN):  # in the same order on all ranks
    program = TRAINED[name]
    parallel = DistributedDataParallel(network())
    ours = gradients(program, parallel, slice(rank, None, ranks))
    theirs = gradients(program, network(), slice(None))
    errors[name] = max(
        float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs, strict=True)
    )
print(json.dumps(errors))
"""


def test_ranks_get_the_gradients_of_the_whole_batch(tmp_path):
    printed = run_ranks(TRAIN, tmp_path, ranks=2, torchmetrics=False)
    for out in printed:
        errors = json.loads(out)
        assert {"joints_mse_loss", "joints_ohkm_mse_loss", "soft_argmax2d"} <= errors.keys()
        # Convolutions add up in float32, over half the samples or all.
        assert {name: error for name, error in errors.items() if not error < 1e-5} == {}
