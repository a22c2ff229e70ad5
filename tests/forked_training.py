"""Starts trainings without importing torch for each: forks itself for every line of its input.

A line is a JSON list of train_heatmap's arguments. It prints the child's process id, and its exit
status when it has ended (negative: the signal that killed it).
"""

from __future__ import annotations

import json
import os
import sys

import torch

from python_models import train_heatmap


def main():
    torch.set_num_threads(1)  # no thread before the forks
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            devnull = os.open(os.devnull, os.O_WRONLY)
            os.dup2(devnull, 1)
            os._exit(train_heatmap.main(json.loads(line)))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
