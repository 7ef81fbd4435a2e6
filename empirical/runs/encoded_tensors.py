"""Tensors as text, for a part of a measurement that is kept as JSON: every bit comes back."""

import base64
from io import BytesIO
from typing import Any

import torch


def encoded(content: dict[str, Any]) -> str:
    """Tensors and numbers by name, such as a state dict, in base64."""
    file = BytesIO()
    torch.save(content, file)
    return base64.b64encode(file.getvalue()).decode()


def decoded(text: str) -> dict[str, Any]:
    """What `encoded` was given, on the CPU."""
    content: dict[str, Any] = torch.load(BytesIO(base64.b64decode(text)), "cpu", weights_only=True)
    return content
