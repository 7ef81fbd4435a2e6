"""The command `python -m empirical.run diagnose`: gather the data, ask, and print the answers."""

import sys
from collections.abc import Iterable
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from rich.text import Text

from empirical.datasets import ImageDataset
from empirical.datasets.preprocessing import preprocess
from empirical.diagnosis.answer import Answer, Verdict, first_problem
from empirical.diagnosis.diagnose import diagnose
from empirical.diagnosis.passes import Pass, image_digests, read_pass
from empirical.import_path import import_object
from empirical.models import build_model
from empirical.randomization import RandomizedDataset, randomize
from empirical.runs.config import RunConfig
from empirical.runs.preparation import prepare
from empirical.training.data import ResidentData

SAMPLE = 1000
"""Images that the checks train on."""

PASS_LIMIT = 10_000
"""Samples of a pass over a user's pipeline. Two such passes over n shuffled samples share 10^8 / n: 78 of ImageNet."""

_BLOCK = 4096
_STYLES = {Verdict.OK: "green", Verdict.PROBLEM: "bold red", Verdict.CANNOT_TELL: "yellow"}


def run_diagnosis(dataset: ImageDataset, configs: Iterable[RunConfig], pipeline: str = "") -> int:
    """Diagnose the first trained run among the configurations and print what is found.

    Arguments:
        dataset: the training and test set, whole: the run says how many of its images it takes.
        configs: the runs that are planned.
        pipeline: `package.module:factory` of a data pipeline to use instead of the data set, see `read_pipeline`.

    Returns the exit status: 0 if nothing stands in the way, 1 otherwise. Raises ValueError for a network or a pipeline
    that cannot be used.
    """
    config = next(config for config in configs if config.kind == "trained")
    passes: tuple[Pass, Pass] | None
    if pipeline:
        data, passes = read_pipeline(pipeline, config.device)
        classes = 1 + int(passes[0].labels.max())
        channels, height, width = data.train_images.shape[1:]
        shape, rule = (channels, height, width), config.hyper_parameters.initialization
        model = build_model(config.model, shape, classes, config.seed, rule).to(config.device)
        samples, source = passes[0], f"{pipeline}, {_sizes(passes[0], data)}"
    else:
        taken = dataset.subset(config.n_train, config.n_test)
        randomized, passes = randomize(taken, config.randomization, config.seed), None
        classes = config.num_classes
        model, data = prepare(config, _first(randomized, SAMPLE))
        samples = _whole(randomized, config.crop)
        source = f"{dataset.name}, {config.randomization.name}, {_sizes(samples, data)}"
    on_terminal = sys.stdout.isatty()
    console = Console(highlight=False, soft_wrap=not on_terminal)
    console.print(Text(f"{config.model} on {source}; {config.device}, seed {config.seed}"))
    answers = []
    try:
        for answer in diagnose(
            model,
            data,
            config.hyper_parameters,
            config.seed,
            random_labels=config.randomization.label_noise.is_independent(classes),
            passes=passes,
            samples=samples,
            stage=_show_stage,
        ):
            answers.append(answer)
            if not on_terminal:
                print(_line(answer), flush=True)
    finally:
        _show_stage("")
    if on_terminal:
        console.print(_table(answers))
    problem = first_problem(answers)
    if problem is None:
        console.print(Text("Nothing found that stands in the way of fitting these labels.", style="green"))
        return 0
    console.print(
        Text.assemble(
            ("First thing to change: ", "bold red"),
            f"{problem.question} {_sentence(problem.answer)}\nWhat to do: {_sentence(problem.advice)}",
        )
    )
    return 1


def read_pipeline(path: str, device: str) -> tuple[ResidentData, tuple[Pass, Pass]]:
    """Two passes over a user's data pipeline, and its first samples as training data.

    Arguments:
        path: `package.module:factory`; factory() gives an iterable of batches as `read_pass` takes them, such as a
            DataLoader. It is gone through twice; one that can be gone through once only is made anew.

    Raises ValueError for anything else.
    """
    factory = import_object(path, "pipeline (--pipeline)")
    try:
        batches = factory()
    except Exception as error:  # the user's own factory may raise anything
        raise ValueError(
            f"pipeline (--pipeline): {path!r} cannot be called without arguments: {type(error).__name__}: {error}"
        ) from error
    first, images = read_pass(_iterable(batches, path), PASS_LIMIT, SAMPLE)
    if not len(first.labels):
        raise ValueError(f"pipeline (--pipeline): {path!r} gives no samples")
    second, _ = read_pass(factory() if iter(batches) is batches else batches, PASS_LIMIT, 0)
    if not len(second.labels):
        raise ValueError(
            f"pipeline (--pipeline): {path!r} gives no samples on a second pass: have the factory make a new iterator "
            "each time, or give something that can be gone through again, such as a DataLoader"
        )
    labels = torch.from_numpy(first.labels[: len(images)]).to(device)
    images = images.to(device)
    return ResidentData(images, labels, labels, images[:1], labels[:1]), (first, second)


def _iterable(batches: Any, path: str) -> Iterable[Any]:
    if not isinstance(batches, Iterable):
        raise ValueError(f"pipeline (--pipeline): {path!r} gives a {type(batches).__name__}, not something to iterate")
    return batches


def _first(randomized: RandomizedDataset, most: int) -> RandomizedDataset:
    """The first training images, and one for the test, which is not looked at."""
    n = min(most, len(randomized.clean_labels))
    return RandomizedDataset(randomized.data.subset(n, 1), randomized.clean_labels[:n], randomized.changed[:n])


def _whole(randomized: RandomizedDataset, crop: int | None) -> Pass:
    """All training images as the network sees them."""
    split = randomized.data.train
    blocks = (split.stored[start : start + _BLOCK] for start in range(0, len(split.labels), _BLOCK))
    return Pass(tuple(digest for block in blocks for digest in image_digests(preprocess(block, crop))), split.labels)


def _sizes(samples: Pass, data: ResidentData) -> str:
    n, used = len(samples.labels), len(data.train_labels)
    first = "the first " if not samples.whole else ""
    return f"{first}{n:,} training images" + (f" (trained on: the first {used:,})" if used < n else "")


def _show_stage(name: str) -> None:
    """Say which check is running: on a terminal in place of the last line, elsewhere on a line of its own. Some checks
    take minutes with large networks."""
    if sys.stderr.isatty():
        print(f"\r\033[K{name}", end="", file=sys.stderr, flush=True)
    elif name:
        print(f"... {name}", file=sys.stderr, flush=True)


def _table(answers: list[Answer]) -> Table:
    table = Table(title="Why does it not fit?", title_justify="left", show_lines=True)
    for header, ratio in (("question", 4), ("answer", 7), ("verdict", 2)):
        table.add_column(header, ratio=ratio)
    for answer in answers:
        words = answer.answer + (f"\n-> {answer.advice}" if answer.advice else "")
        table.add_row(Text(answer.question), Text(words), Text(answer.verdict.value, style=_STYLES[answer.verdict]))
    return table


def _line(answer: Answer) -> str:
    """Print an answer as plain text, for files and pipes."""
    return f"[{answer.verdict.value}] {answer.question} {_sentence(answer.answer)}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "." * (not words.endswith("."))
