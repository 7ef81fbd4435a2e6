"""A small vision transformer (Dosovitskiy et al. 2021), for images of any size."""

import torch
from torch import nn
from torch.nn import functional

_PATCHES_A_SIDE = 7


class EncoderBlock(nn.Module):
    """Self-attention and a perceptron, each after a layer norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(n, tokens, width) to the same."""
        n, count, width = tokens.shape
        projected = self.queries_keys_values(self.attention_norm(tokens))
        queries, keys, values = projected.view(n, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(queries, keys, values)
        tokens = tokens + self.output(attended.transpose(1, 2).reshape(n, count, width))
        return tokens + self.perceptron(self.perceptron_norm(tokens))  # type: ignore[no-any-return]


class VisionTransformer(nn.Module):
    """Patches as tokens, their places learnt, encoder blocks, the mean over tokens, a linear layer.

    A patch's side is a seventh of the image's shorter side, rounded: 4 pixels for the paper's 28 x 28. Pixels beyond
    the last whole patch are left out. There is no dropout. Weights are drawn as torch draws them; the places are normal
    of deviation 0.02.

    Arguments:
        image_shape: (channels, height, width) of the preprocessed images.
        num_classes: logits given.
        width: numbers of a token.
        depth: encoder blocks.
        heads: attention heads; they divide the width.
    """

    def __init__(
        self, image_shape: tuple[int, int, int], num_classes: int, width: int = 192, depth: int = 6, heads: int = 3
    ) -> None:
        super().__init__()
        channels, height, image_width = image_shape
        side = max(1, round(min(height, image_width) / _PATCHES_A_SIDE))
        self.patches = nn.Conv2d(channels, width, side, side)
        count = (height // side) * (image_width // side)
        self.places = nn.Parameter(torch.empty(count, width))
        nn.init.normal_(self.places, std=0.02)
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads) for _ in range(depth)))
        self.norm, self.linear = nn.LayerNorm(width), nn.Linear(width, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, channels, height, width) to logits (n, num_classes)."""
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.places
        return self.linear(self.norm(self.blocks(tokens)).mean(dim=1))  # type: ignore[no-any-return]
