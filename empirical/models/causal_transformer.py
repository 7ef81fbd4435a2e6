"""A small causal transformer, shaped like GPT-2 (Radford et al. 2019): it gives every token of a sequence logits."""

import torch
from torch import nn
from torch.nn import functional


class CausalTransformer(nn.Module):
    """Layer norm before attention and before the two-layer perceptron, learned positions, the tokens' embedding also
    their output weights.

    A sequence's first token is predicted from a symbol of its own, so that the logits code the whole sequence.

    Arguments:
        vocabulary: V, the number of tokens.
        length: S, tokens of a sequence, at most.
        layers, width, heads: their number, the width of the residual stream, and the heads that share it.

    It has (V + 1) w + S w + L (12 w^2 + 13 w) + 2 w parameters. Raises ValueError if the heads do not divide the width.
    """

    def __init__(self, vocabulary: int, length: int, layers: int, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"the width, {width}, must be a multiple of the number of heads, {heads}")
        self.vocabulary = vocabulary
        self.tokens = nn.Embedding(vocabulary + 1, width)
        self.positions = nn.Parameter(torch.empty(length, width))
        self.blocks = nn.ModuleList([_Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        for parameter in (self.tokens.weight, self.positions):
            nn.init.normal_(parameter, std=0.02)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        """Logits (n, s, V) of each token of sequences int64 (n, s), s <= S, from the tokens before it."""
        start = torch.full_like(sequences[:, :1], self.vocabulary)
        before = torch.cat([start, sequences[:, :-1]], dim=1)
        stream = self.tokens(before) + self.positions[: sequences.shape[1]]
        for block in self.blocks:
            stream = block(stream)
        return functional.linear(self.norm(stream), self.tokens.weight[: self.vocabulary])


class _Block(nn.Module):
    """Attention, then a perceptron of four times the width, each added to the stream."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mixed = nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        n, s, width = stream.shape
        projected = self.queries_keys_values(self.norms[0](stream)).view(n, s, 3, self.heads, width // self.heads)
        queries, keys, values = projected.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        stream = stream + self.mixed(attended.transpose(1, 2).reshape(n, s, width))
        changed: torch.Tensor = stream + self.perceptron(self.norms[1](stream))
        return changed
