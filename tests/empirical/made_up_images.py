"""Small folders of JPEGs in ImageNet's layout, and the same files as parquet in Hugging Face's."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("n01", "n02", "n03")


def write_folder(root: Path, per_class: int = 8, test_per_class: int = 3) -> Path:
    """Blurred noise of several sizes in root/train/<class> and root/val/<class>, no two images alike."""
    random = np.random.default_rng(0)
    for split, n in (("train", per_class), ("val", test_per_class)):
        for name in CLASSES:
            folder = root / split / name
            folder.mkdir(parents=True)
            for at in range(n):
                coarse = Image.fromarray(random.integers(0, 256, (5, 4, 3), np.uint8))
                size = (20 + at % 7, 18 + at % 5)
                coarse.resize(size, Image.Resampling.BILINEAR).save(folder / f"{name}_{at}.JPEG", quality=90)
    return root


def write_parquet(
    root: Path, splits: dict[str, list[tuple[Path, int]]], class_names=CLASSES, rows: int = 5, shards: int = 2
) -> Path:
    """Files and labels of each split as `datasets` writes them: several shards, several row groups in each."""
    import pyarrow as pa
    from pyarrow import parquet

    root.mkdir(parents=True, exist_ok=True)
    about = {"info": {"features": {"label": {"names": list(class_names), "_type": "ClassLabel"}}}}
    for split, items in splits.items():
        for shard, part in enumerate(np.array_split(np.arange(len(items)), shards)):
            chosen = [items[i] for i in part]
            table = pa.table(
                {
                    "image": [{"bytes": path.read_bytes(), "path": path.name} for path, _ in chosen],
                    "label": [label for _, label in chosen],
                }
            ).replace_schema_metadata({"huggingface": json.dumps(about)})
            parquet.write_table(table, root / f"{split}-{shard:05}-of-{shards:05}.parquet", row_group_size=rows)
    return root


def labelled(root: Path) -> list[tuple[Path, int]]:
    """The files below root/<class> with their labels, by order of name."""
    classes = sorted(root.iterdir())
    return [(path, label) for label, folder in enumerate(classes) for path in sorted(folder.iterdir())]
