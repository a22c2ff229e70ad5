"""The training loop that all models share: one process or many, stopped and resumed at any step."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from python_models.interrupt import Interrupt
from python_models.training import checkpoint
from python_models.training.nan_guard import NanGuard
from python_models.training.order import scoring_blocks, training_blocks
from python_models.training.plan import Plan
from python_models.training.protocols import Data, Task
from python_models.training.run_log import Row, RunLog
from python_models.training.run_state import Progress, RunState, Stateful, best_row

_AGREE_EVERY = 8  # steps between two looks of many processes at whether one got a signal

Batch = TypeVar("Batch")


class Trainer(Generic[Batch]):
    """Trains a model, and leaves `last.pt`, `best.pt` and the log in a folder.

    `last.pt` has everything that the next step depends on. A run that goes on from it comes to the
    same numbers as one that was never stopped, the order of the data included: order, augmentation
    and dropout follow from the seed, the epoch and the step, not from a state. `best.pt` has the
    weights of the best epoch.

    Many processes (started by torchrun) train as one process would that accumulates over the same
    batches, but for BatchNorm's statistics, which are those of the first process.

    Args:
        fabric: Lightning's, launched; it knows the device, the precision and the processes.
        model: On any device; it is moved.
        task: Its loss and scores.
        optimizer: Of the model's parameters.
        factor: The factor on the learning rate at a step of the run, counted from 0.
        plan: How long, and how.
        folder: For what the run leaves.
        settings: Kept in the checkpoints; texts, numbers, flags, lists of them and None.
        settled: Names of those settings that must be the same when a run goes on.
        compiled: The model as it is called while it is trained, where that is another one
            (torch.compile); it shares the model's parameters.
        after_step: Called with the model after every step, for constraints on its weights.
    """

    def __init__(
        self,
        fabric: Fabric,
        model: nn.Module,
        task: Task[Batch],
        optimizer: torch.optim.Optimizer,
        factor: Callable[[int], float],
        plan: Plan,
        folder: Path,
        settings: dict[str, Any],
        settled: Iterable[str],
        *,
        compiled: nn.Module | None = None,
        after_step: Callable[[nn.Module], None] | None = None,
    ) -> None:
        self.fabric = fabric
        self.model = model
        self.task = task
        self.plan = plan
        self.folder = folder
        self.progress = Progress([])
        self.signal: int | None = None  # that ended `fit`
        self._schedule = LambdaLR(optimizer, factor)
        self._after_step = after_step
        self._model, self._optimizer = fabric.setup(
            model if compiled is None else compiled, optimizer
        )
        self._average = None
        if plan.ema_decay:
            average = get_ema_multi_avg_fn(plan.ema_decay)
            self._average = AveragedModel(model, multi_avg_fn=average, use_buffers=True)
        members: dict[str, Stateful] = {
            "model": model,
            "optimizer": self._optimizer,
            "schedule": self._schedule,
            "precision": fabric.strategy.precision,
        }
        if self._average is not None:
            members["average"] = self._average
        # Batches depend on processes times accumulation: either may change, if the other does.
        self._state = RunState(
            folder,
            members,
            {**settings, "batches_a_step": self.parts},
            {*settled, "batches_a_step"},
        )

    @property
    def settings(self) -> dict[str, Any]:
        """Of the run."""
        return self._state.settings

    @property
    def parts(self) -> int:
        """How many batches make a step."""
        return self.fabric.world_size * self.plan.accumulate

    @property
    def scored(self) -> nn.Module:
        """The model that is scored and used: the moving average where there is one."""
        return self.model if self._average is None else self._average.module

    def start(self, *, resume: bool) -> None:
        """Makes the folder, or goes on from its `last.pt`.

        Raises:
            FileNotFoundError: There is nothing to resume.
            ValueError: Without resume, the folder has a run; with it, that run had other settings
                or another model, or its checkpoint is broken.
        """
        if self.fabric.global_rank == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            checkpoint.remove_partial(self.folder)
        self.fabric.barrier()
        if resume:
            self.progress = self._state.resume()
        else:
            self._state.start()
        self.fabric.barrier()  # nobody writes before everybody has read

    def fit(self, train: Data[Batch], val: Data[Batch]) -> str:
        """Trains to the last epoch.

        Returns:
            "finished"; "stopped early", by the plan's patience; "interrupted", by a signal, with
            everything so far on disk.

        Raises:
            FloatingPointError: The loss is not finite; the message names the samples.
            OSError: A checkpoint cannot be written; the one before is still there.
        """
        rows = self.progress.rows
        leader = self.fabric.global_rank == 0
        with Interrupt() as interrupt, contextlib.ExitStack() as stack:
            log = stack.enter_context(RunLog(self.folder, rows)) if leader else None
            if not rows and not self.progress.step:
                self._save()  # so that there is one whenever it ends
            for epoch in range(len(rows) + 1, self.plan.epochs + 1):
                if self._is_stale():
                    return "stopped early"
                if not self._epoch(epoch, train, interrupt):
                    return "interrupted"
                row = self._row(epoch, val)
                rows.append(row)
                self.progress = Progress(rows)
                if log is not None:
                    log.add(row)
                    tqdm.write("  ".join(f"{name} {value:.5g}" for name, value in row.items()))
                if leader and self._best_row() is row:
                    self._state.save_best(self.scored, rows)
                self._save()  # the epoch counts from here on
        return "stopped early" if self._is_stale() else "finished"

    def _epoch(self, epoch: int, train: Data[Batch], interrupt: Interrupt) -> bool:
        """The steps of an epoch that are left; False if a signal ended it."""
        plan, rank, ranks = self.plan, self.fabric.global_rank, self.fabric.world_size
        blocks = training_blocks(len(train), plan.batch_size, self.parts, plan.seed, epoch)
        steps = range(self.progress.step, len(blocks) // self.parts)
        mine = [blocks[s * self.parts + rank :: ranks][: plan.accumulate] for s in steps]
        batches = train.batches([block for step in mine for block in step])
        guard = NanGuard(train, self._state.last)
        sums = torch.zeros(2, dtype=torch.float64)
        self._model.train()
        bar = tqdm(steps, f"epoch {epoch}/{plan.epochs}", leave=False, disable=_quiet(rank))
        for step, own in zip(bar, mine, strict=True):
            losses = self._step(epoch, step, batches)
            sums += guard.check(f"epoch {epoch}, step {step + 1}", own, losses)
            last = step + 1 == len(blocks) // self.parts
            stop = (last or self._is_time_to_ask()) and self._someone(interrupt)
            save = plan.save_every and (last or (step + 1) % plan.save_every == 0)
            if last or stop or save:
                sums += guard.flush()
                names = "; ".join(map(train.names, own))
                self._check_weights(f"epoch {epoch}, step {step + 1}", names)
                self._count(step + 1, sums)
                sums = torch.zeros(2, dtype=torch.float64)
                if save or stop:
                    self._save()
                if stop:
                    return False
        return True

    def _step(self, epoch: int, step: int, batches: Iterator[Batch]) -> list[tuple[Tensor, int]]:
        """One step of gradient descent; the loss and the size of each of this process's batches."""
        accumulate = self.plan.accumulate
        losses = []
        for part in range(accumulate):
            number = part * self.fabric.world_size + self.fabric.global_rank
            key = np.random.SeedSequence((self.plan.seed, epoch, step, number))
            torch.manual_seed(int(key.generate_state(1, np.uint64)[0] >> 1))
            batch = next(batches)
            with self.fabric.no_backward_sync(self._model, enabled=part + 1 < accumulate):
                loss = self.task.loss(self._model, batch)
                self.fabric.backward(loss / accumulate)
            losses.append((loss.detach(), self.task.size(batch)))
        if self.plan.clip_norm:
            self.fabric.clip_gradients(
                self._model, self._optimizer, max_norm=self.plan.clip_norm, error_if_nonfinite=False
            )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._schedule.step()
        if self._after_step is not None:
            self._after_step(self.model)
        if self._average is not None:
            self._average.update_parameters(self.model)
        return losses

    def _check_weights(self, where: str, names: str) -> None:
        """A finite loss may have a gradient that is not: no checkpoint keeps what comes of that."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        if not torch.stack([tensor.isfinite().all() for tensor in tensors]).all():
            raise FloatingPointError(
                f"{where}: the loss is finite, but the weights that come of it are not. "
                f"This process's part of its batch: {names}. {self._state.last} is from before it."
            )

    def _row(self, epoch: int, val: Data[Batch]) -> Row:
        progress = self.progress
        if not progress.samples:
            raise ValueError(f"epoch {epoch}: no sample of the training data could be read")
        schedule = self._schedule
        factor = schedule.lr_lambdas[0](schedule.last_epoch - 1)  # the last step's
        rate = float(schedule.base_lrs[0]) * factor
        row = {"epoch": epoch, "train_loss": progress.loss_sum / progress.samples}
        return row | self.evaluate(val) | {"learning_rate": rate}

    @torch.no_grad()
    def evaluate(self, data: Data[Batch]) -> dict[str, float]:
        """The task's scores over all data, each sample once, in eval mode."""
        model = self.scored
        model.eval()
        fabric = self.fabric
        if fabric.world_size > 1:
            for buffer in model.buffers():  # BatchNorm's: the first process's are those kept
                torch.distributed.broadcast(buffer, src=0)
        blocks = scoring_blocks(
            len(data), self.plan.batch_size, fabric.global_rank, fabric.world_size
        )
        with fabric.autocast():
            return self.task.score(model, data.batches(blocks), self._total)

    def _total(self, values: Tensor) -> Tensor:
        result: Any = self.fabric.all_reduce(values.to(self.fabric.device), reduce_op="sum")
        return torch.as_tensor(result).cpu()

    def _count(self, step: int, sums: Tensor) -> None:
        loss_sum, samples = self._total(sums).tolist()
        self.progress.step = step
        self.progress.loss_sum += loss_sum
        self.progress.samples += samples

    def _is_time_to_ask(self) -> bool:
        """Asking each other takes processes a message, so many of them do it now and then."""
        return self.fabric.world_size == 1 or self._schedule.last_epoch % _AGREE_EVERY == 0

    def _someone(self, interrupt: Interrupt) -> bool:
        """Whether a process got a signal; all come to the same answer."""
        noted = self._total(torch.tensor(float(interrupt.number or 0)))
        self.signal = interrupt.number or (int(signal.SIGTERM) if noted > 0 else None)
        return self.signal is not None

    def _is_stale(self) -> bool:
        rows = self.progress.rows
        if not self.plan.patience or not rows:
            return False
        return len(rows) - self._best_row()["epoch"] >= self.plan.patience

    def _best_row(self) -> Row:
        task = self.task
        return best_row(self.progress.rows, task.best, lowest=task.best_is_lowest)

    def _save(self) -> None:
        if self.fabric.global_rank == 0:
            self._state.save_last(self.progress)
        self.fabric.barrier()


def _quiet(rank: int) -> bool | None:
    """For tqdm: silent but on the first process, and there where it is no terminal."""
    return True if rank else None
