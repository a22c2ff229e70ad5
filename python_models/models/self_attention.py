"""Self-attention between the places of a feature map."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class SelfAttention(nn.Module):
    """A feature map [B, C, H, W] plus `gain` times what its places tell each other; same shape.

    Every place looks at every other one, in `heads` groups of channels: it takes the mean of their
    values, weighted by the softmax of query . key / sqrt(C / heads). So a knee can depend on the
    hip however far away it is. Queries, keys and values are linear in the layer-normalised map;
    nothing encodes the place itself, which the zero padding of the convolutions before already
    gives away.

    The gain is one number that starts at 0: at first the map passes unchanged, and training
    starts from the network without attention. Until its first step only the gain has a gradient
    other than 0.

    Memory: torch's fused kernels (flash, memory-efficient, and the CPU's) keep a few maps of the
    input's size. Where none applies, the weights themselves are kept, heads x (H W)^2 numbers an
    image: 9 MiB for 32 x 24 places, 4 heads and float32, and 16 times that for twice the width
    and height. Time grows with (H W)^2 in each case.

    Vaswani et al., "Attention is all you need", 2017; the gain is that of Zhang et al.,
    "Self-attention generative adversarial networks", 2019.

    Raises:
        ValueError: The channels cannot be divided among the heads.
    """

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ValueError(
                f"SelfAttention: heads must divide the {channels} channels, got {heads}"
            )
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        self.gain = nn.Parameter(torch.zeros(()))
        for linear in (self.query_key_value, self.output):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(x.flatten(2).transpose(1, 2))  # [B, H W, C]
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)  # [B, heads, H W, C / heads]
            for part in self.query_key_value(tokens).chunk(3, dim=2)
        )
        heard = F.scaled_dot_product_attention(query, key, value)
        heard = self.output(heard.transpose(1, 2).flatten(2))
        result: Tensor = x + self.gain * heard.transpose(1, 2).reshape(x.shape)
        return result
