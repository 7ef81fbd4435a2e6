"""Which library decodes JPEG files: Pillow, or TorchCodec on the CPU or on the GPU.

Pillow on a core decodes some hundred images a second at ImageNet's size, and a GPU trains on thousands. NVIDIA's
nvJPEG, by way of TorchCodec, decodes on that GPU; TorchCodec on the CPU is the same code without one. The squares
differ from Pillow's in some pixels by some levels: other inverse cosine transforms and colour conversions, and here a
bicubic resize with antialiasing in place of Lanczos's. So the decoder is part of a split's identity.

| name         | JPEGs in RGB or grey              | everything else | resize            |
| ------------ | --------------------------------- | --------------- | ----------------- |
| `pillow`     | Pillow                            | Pillow          | Lanczos           |
| `torchcodec` | TorchCodec's libjpeg-turbo, CPU   | Pillow          | bicubic (Pillow's images: Lanczos) |
| `nvjpeg`     | nvJPEG, on the first CUDA device  | Pillow          | bicubic, on the GPU (the same)     |

A file's own header decides its column, so that the pixels depend on nothing but the file and the decoder: ImageNet
has a PNG and some JPEGs in CMYK, which nvJPEG does not read.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from theory.common.regular_files import open_regular

Decoder = Literal["pillow", "torchcodec", "nvjpeg"]
Encoded = Path | bytes
Squares = npt.NDArray[np.uint8]

_DEVICES = {"torchcodec": "cpu", "nvjpeg": "cuda"}


def check_decoder(decoder: Decoder) -> None:
    """Raises ValueError for a decoder whose library or device is not here."""
    if decoder == "pillow":
        return
    try:
        from torchcodec.decoders import decode_jpeg  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:  # absent, too old, or built for another version of torch
        raise ValueError(
            f"--data-decoder {decoder} needs torchcodec 0.16 or later, made for this version of torch: install this "
            f"package with the extra decoders, rethinking-generalization[decoders], or leave the option out ({error})"
        ) from error
    if decoder == "nvjpeg":
        import torch

        if not torch.cuda.is_available():
            raise ValueError(
                "--data-decoder nvjpeg decodes on a CUDA device, and there is none: leave the option out, or use "
                "torchcodec, which decodes on the CPU"
            )


def decoder_note(decoder: Decoder) -> str:
    """What a split's identity says of its decoder: nothing for Pillow."""
    return "" if decoder == "pillow" else f"; JPEGs decoded by {decoder}, bicubic"


def read_squares(files: Sequence[Encoded], image_size: int, decoder: Decoder) -> Squares:
    """The images as squares of RGB, see `read_square`: uint8 (len(files), 3, image_size, image_size).

    A file is a path, or the bytes of an image file. Raises almost anything for a file that cannot be decoded.
    """
    if decoder == "pillow":
        return np.stack([_by_pillow(file, image_size) for file in files])
    out = np.empty((len(files), 3, image_size, image_size), np.uint8)
    jpegs: dict[int, bytes] = {}
    for at, file in enumerate(files):
        encoded = file if isinstance(file, bytes) else _content(file)
        if _is_plain_jpeg(encoded):
            jpegs[at] = encoded
        else:
            out[at] = _by_pillow(encoded, image_size)
    if jpegs:
        out[list(jpegs)] = _by_torchcodec(list(jpegs.values()), image_size, _DEVICES[decoder])
    return out


def _by_pillow(file: Encoded, image_size: int) -> Squares:
    from empirical.datasets.decoding import read_square  # Pillow: the command line reads this module for its names

    return read_square(io.BytesIO(file) if isinstance(file, bytes) else file, image_size)


def _content(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read()


def _is_plain_jpeg(encoded: bytes) -> bool:
    """Whether these bytes begin as a JPEG of grey levels or RGB. Raises as Pillow does for what it does not know."""
    from PIL import Image

    from empirical.datasets.decoding import FORMATS

    with Image.open(io.BytesIO(encoded), formats=FORMATS) as header:  # pixels are not decoded before they are asked for
        return header.format == "JPEG" and header.mode in ("L", "RGB")


def _by_torchcodec(encoded: list[bytes], image_size: int, device: str) -> Squares:
    """One call for all: nvJPEG decodes a batch several times as fast as its images one after another."""
    import torch
    from torchcodec.decoders import decode_jpeg

    with torch.inference_mode():
        images = decode_jpeg(encoded, mode="RGB", device=device)
        return np.asarray(torch.stack([_square(image, image_size) for image in images]).cpu())


def _square(image: Any, image_size: int) -> Any:
    """The largest square about the centre of a uint8 tensor (3, height, width), resized: uint8, rounded to nearest."""
    from torch.nn.functional import interpolate

    height, width = image.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    centre = image[None, :, top : top + side, left : left + side].float()
    resized = interpolate(centre, (image_size, image_size), mode="bicubic", antialias=True, align_corners=False)
    return resized[0].round().clamp(0, 255).byte()
