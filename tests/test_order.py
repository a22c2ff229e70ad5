from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_models.training.order import scoring_blocks, training_blocks

SIZES = {
    "count": st.integers(1, 300),
    "batch_size": st.integers(1, 40),
    "parts": st.integers(1, 9),
    "seed": st.integers(0, 2**31),
    "epoch": st.integers(1, 500),
}


@given(**SIZES)
def test_an_epoch_has_every_sample_once_in_even_batches(count, batch_size, parts, seed, epoch):
    if count < parts:
        with pytest.raises(ValueError, match=f"each of the {parts} batches.*got {count}"):
            training_blocks(count, batch_size, parts, seed, epoch)
        return
    blocks = training_blocks(count, batch_size, parts, seed, epoch)
    assert len(blocks) % parts == 0
    sizes = [len(block) for block in blocks]
    assert max(sizes) <= batch_size
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1
    keys = [key for block in blocks for key in block]
    assert {epoch} == {key[0] for key in keys}
    indices = {key[1] for key in keys}
    assert len(indices) == len(keys)
    assert indices <= set(range(count))
    left_out = count - len(keys)
    assert left_out == 0 if batch_size > 1 else left_out < parts


def test_the_order_is_another_one_every_epoch_and_seed_and_the_same_again():
    def order(seed, epoch):
        return [index for block in training_blocks(100, 7, 2, seed, epoch) for _, index in block]

    assert order(0, 1) == order(0, 1)
    assert len({tuple(order(seed, epoch)) for seed in range(4) for epoch in range(1, 5)}) == 16


def test_two_processes_share_the_batches_of_one_that_accumulates():
    """The blocks depend on processes x accumulation alone."""
    blocks = training_blocks(41, 4, 2, seed=3, epoch=5)
    assert len(blocks) == 12  # 41 samples in steps of 2 x 4
    assert [len(block) for block in blocks] == [4] * 5 + [3] * 7


@given(st.integers(0, 200), st.integers(1, 40), st.integers(1, 9))
def test_scoring_takes_every_sample_once(count, batch_size, ranks):
    shares = [scoring_blocks(count, batch_size, rank, ranks) for rank in range(ranks)]
    keys = [key for share in shares for block in share for key in block]
    assert sorted(keys) == [(0, index) for index in range(count)]
    assert all(1 <= len(block) <= batch_size for share in shares for block in share)
