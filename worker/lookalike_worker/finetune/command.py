"""`lookalike encoder finetune FOLDER`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lookalike.settings import Settings
from lookalike_worker.finetune.class_folders import read_class_folders
from lookalike_worker.finetune.options import Options
from lookalike_worker.modules.building import Wishes, obtain
from lookalike_worker.modules.entries import slug
from lookalike_worker.modules.sources import Local, resolve

_MEANING = {option.name: option.metadata["meaning"] for option in fields(Options)}
_DEFAULT = Options()


def _help(option: str) -> str:
    text = _MEANING[option]
    return f"{text[0].upper()}{text[1:]}."


def finetune(  # noqa: PLR0913  each is an option on the command line
    folder: Annotated[Path, typer.Argument(help="Class folders: one for each label.")],
    *,
    encoder: Annotated[str, typer.Option(help="What to train; by default LOOKALIKE_ENCODER.")] = "",
    name: Annotated[
        str, typer.Option(help="The new encoder's name; by default encoder-folder.")
    ] = "",
    epochs: Annotated[int, typer.Option(help=_help("epochs"))] = _DEFAULT.epochs,
    batch_size: Annotated[int, typer.Option(help=_help("batch_size"))] = _DEFAULT.batch_size,
    at_once: Annotated[
        int, typer.Option(help="Pictures on the device at a time: less needs less memory.")
    ] = 0,
    learning_rate: Annotated[
        float, typer.Option(help=_help("learning_rate"))
    ] = _DEFAULT.learning_rate,
    batch_statistics: Annotated[
        bool, typer.Option(help=_help("batch_statistics"))
    ] = _DEFAULT.batch_statistics,
    batch_norm_momentum: Annotated[
        float, typer.Option(help=_help("batch_norm_momentum"))
    ] = _DEFAULT.batch_norm_momentum,
    validation: Annotated[float, typer.Option(help=_help("validation"))] = _DEFAULT.validation,
    patience: Annotated[int, typer.Option(help=_help("patience"))] = _DEFAULT.patience,
    seed: Annotated[int, typer.Option(help=_help("seed"))] = _DEFAULT.seed,
    augment: Annotated[bool, typer.Option(help=_help("augment"))] = _DEFAULT.augment,
    head_only: Annotated[bool, typer.Option(help=_help("head_only"))] = _DEFAULT.head_only,
    out: Annotated[Path | None, typer.Option(help="Folder for checkpoints, curve and log.")] = None,
    restart: Annotated[bool, typer.Option(help="Forget what the folder holds.")] = False,
) -> None:
    """Train an encoder further on class folders; the result is a new encoder in the cache.

    Stopped or killed, the same command goes on from the last checkpoint.
    """
    options = Options(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        batch_statistics=batch_statistics,
        batch_norm_momentum=batch_norm_momentum,
        validation=validation,
        patience=patience,
        seed=seed,
        augment=augment,
        head_only=head_only,
    )
    settings = Settings.load()
    images = read_class_folders(folder)
    cache = settings.home / "encoders"
    module = resolve(encoder or settings.encoder, untrained=settings.untrained, cache=cache)
    new = slug(name or f"{module.space.encoder}-{images.folder.name}")
    # TensorFlow takes seconds, and a mistyped folder needs none of it.
    from lookalike_worker.finetune.report import show_outcome, watcher
    from lookalike_worker.finetune.run import Run

    console = Console(soft_wrap=True, highlight=False)
    run = Run(
        module=module,
        images=images,
        folder=(out or settings.home / "finetune" / new).absolute(),
        name=new,
        options=options,
        at_once=min(at_once or batch_size, batch_size),
        max_pixels=settings.max_pixels,
        watcher=watcher(console),
    )
    if restart:
        run.forget()
    outcome = run.outcome()
    entry = obtain(cache, Local(outcome.directory), Wishes(name=outcome.encoder))
    show_outcome(console, outcome, entry, run.folder)
