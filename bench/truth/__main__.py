"""Compare labels with what is known about their units: ``python -m bench.truth``."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from bench.tables import table
from bench.truth import encoder, outputs, sanity
from bench.truth.agreement import summary
from bench.truth.encoder import Unseen
from bench.truth.outputs import Outputs
from bench.truth.strings import SEED
from invert_core.demo import SETTINGS
from invert_core.settings import Settings

_FOLDER = click.Path(path_type=Path, file_okay=False)
_WORTH = (
    *(f"precision among {encoder.HIGHEST}", "median lift", "mean lift"),
    *("without a hit", "median share of the texts"),
)
folder_option = click.option(
    "--keep", type=_FOLDER, help="Keep activations in this folder, and take those that are there."
)


@click.group(help=__doc__.partition(":")[0] + ".")
def main() -> None:
    """Choose what to compare."""


@main.command(help="The outputs of the network of `invert demo`, which stand for digits.")
@folder_option
@click.option("--worst", default=5, show_default=True, help="Labels to print that are not right.")
def digits(keep: Path | None, worst: int) -> None:
    """Label the outputs of the demo's network."""
    with _folder(keep) as folder, outputs.digits(folder) as found:
        for min_fraction in (SETTINGS.min_fraction, Settings().min_fraction):
            _print_outputs(found, min_fraction, worst)


@main.command(
    help="The outputs of an OCR model, which stand for characters. MODEL is "
    "ch_PP-OCRv4_rec_infer.onnx of the package rapidocr-onnxruntime 1.4.4."
)
@click.argument("model", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@folder_option
@click.option("--worst", default=5, show_default=True, help="Labels to print that are not right.")
@click.option("--seed", default=SEED, show_default=True, help="Draws the strings.")
def ocr(model: Path, keep: Path | None, worst: int, seed: int) -> None:
    """Label the outputs of an OCR model."""
    with _folder(keep) as folder, outputs.characters(model, folder, seed) as found:
        _print_outputs(found, Settings().min_fraction, worst)


@main.command(
    "sanity",
    help="Whether objectives fall if labels are missing or wrong, on planted units, the outputs of "
    "the network of `invert demo`, and those of the OCR MODEL, if it is given.",
)
@click.argument(
    "model", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False
)
@folder_option
def of_sanity(model: Path | None, keep: Path | None) -> None:
    """Make the labels of units whose meaning is known worse, and look at each objective."""
    for name, found in sanity.planted():
        _print_sanity(name, found)
    with _folder(keep) as folder:
        with outputs.digits(folder) as found:
            _print_sanity("digits", found)
        if model is not None:
            with outputs.characters(model, folder) as found:
                _print_sanity("OCR", found)


@main.command(
    "encoder",
    help="MLP neurons of a sentence encoder, on texts that no search has seen. FOLDER is what "
    "examples/sentence_encoder/label_encoder.py wrote.",
)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--units", "n_units", default=32, show_default=True, help="Neurons to label.")
@click.option(
    "--quantile",
    default=0.01,
    show_default=True,
    help="Share of the texts searched that count as the strongest responses.",
)
@click.option("--seed", default=0, show_default=True, help="Draws the neurons.")
def of_encoder(folder: Path, n_units: int, quantile: float, seed: int) -> None:
    """Label neurons of a sentence encoder, and look at what they respond to most elsewhere."""
    found = dict(encoder.compare(folder, n_units, quantile, seed))
    _print(("label", *_WORTH), [(rule, *_worth(of)) for rule, of in found.items()])
    ratios = [
        (f"{peak} over {auc}", *_ratios(found[peak], found[auc]))
        for auc, peak in encoder.pairs(found)
    ]
    click.echo()
    _print(("ratio", "precision", "median lift", "neurons with more lift", "with less"), ratios)
    by_verdict = [
        (rule, verdict, str(len(of)), *_worth(of))
        for rule, labels in found.items()
        for verdict, of in encoder.by_verdict(labels).items()
    ]
    click.echo()
    _print(("label", "verdict", "labels", *_WORTH), by_verdict)


def _means(found: Sequence[Unseen]) -> tuple[float, float]:
    """Return the mean precision and the median lift."""
    precision = np.mean([one.precision for one in found])
    return float(precision), float(np.median([one.lift for one in found]))


def _ratios(of: Sequence[Unseen], over: Sequence[Unseen]) -> tuple[str, ...]:
    """Return what a table says of labels by one rule beside those by another."""
    precision, others = (np.array([one.precision for one in found]) for found in (of, over))
    lift, other_lift = (np.array([one.lift for one in found]) for found in (of, over))
    return (
        _with_interval(*encoder.ratio(np.mean, precision, others)),
        _with_interval(*encoder.ratio(np.median, lift, other_lift)),
        f"{np.mean(lift > other_lift):.1%}",
        f"{np.mean(lift < other_lift):.1%}",
    )


def _with_interval(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _worth(found: Sequence[Unseen]) -> tuple[str, ...]:
    """Return what a table says of labels on unseen texts."""
    precision, lift = _means(found)
    return (
        f"{precision:.3f}",
        f"{lift:.1f}",
        f"{np.mean([one.lift for one in found]):.1f}",
        str(sum(one.precision == 0 for one in found)),
        f"{np.median([one.fraction for one in found]):.4f}",
    )


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with TemporaryDirectory() as made:
            yield Path(made)
    else:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep


def _print_outputs(found: Outputs, min_fraction: float, worst: int) -> None:
    for called, layer in found.layers.items():
        click.echo(f"\n**{called}, formulas from {min_fraction:.1%} of the samples**\n")
        by_rule = dict(outputs.agreements(found, layer, min_fraction))
        counted = {rule: summary(list(of.values())) for rule, of in by_rule.items()}
        titles = ("rule", *next(iter(counted.values())))
        _print(titles, [(rule, *cells.values()) for rule, cells in counted.items()])
        for of, one in outputs.disagreeing(by_rule["AUC, headline, L = 3"], worst):
            click.echo(f"{of}: {one.label} (AUC {one.auc:.4f}, Jaccard {one.jaccard:.3f})")


def _print_sanity(name: str, found: Outputs) -> None:
    for called, layer in found.layers.items():
        click.echo(f"\n**{name}, {called}: cases in which the objective falls**\n")
        shares = sanity.shares_fallen(found, layer)
        rows = [
            (objective, *(f"{shares[objective, check]:.1%}" for check in sanity.CHECKS))
            for objective in sanity.OBJECTIVES
        ]
        _print(("objective", *(f"{check} labels" for check in sanity.CHECKS)), rows)


def _print(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    click.echo("\n".join(table(titles, rows)))


if __name__ == "__main__":
    logging.getLogger("invert").setLevel(logging.ERROR)  # rendered strings have no ids
    main()
