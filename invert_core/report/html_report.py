"""The report of a run: one page of HTML that needs nothing but a browser."""

import base64
import hashlib
import html
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources
from numbers import Integral
from os import PathLike
from pathlib import Path

import numpy as np

from invert_core.data.previews.pictures import EDGE
from invert_core.data.previews.place import NONE, root_of
from invert_core.data.previews.shown import ShownSamples
from invert_core.data.previews.shown_samples import shown_samples
from invert_core.errors import SettingError
from invert_core.files.atomic import new_file
from invert_core.files.input_file import input_path
from invert_core.files.outputs import check_target, not_replaced
from invert_core.report.book import Book, book_of
from invert_core.report.choosing_records import choose_records
from invert_core.report.packing import (
    CONCEPTS_IN_BLOCK,
    PICTURES_IN_BLOCK,
    SAMPLES_IN_BLOCK,
    UNITS_IN_BLOCK,
    blocks,
    data_url,
    packed,
    packed_pictures,
)
from invert_core.report.pictures import fitting, picture_order
from invert_core.report.provenance import Provenance
from invert_core.report.run_rows import RunRows
from invert_core.results.evidence_file import RunEvidence, evidence_of
from invert_core.results.run_directory import (
    REPORT_FILE,
    check_report_place,
    is_report,
    read_run,
)
from invert_core.wording import counted

_log = logging.getLogger("invert")

_PAGE, _STYLE = "page.html", "page.css"
SCRIPTS: tuple[str, ...] = (
    "elements.js",
    "data.js",
    "words.js",
    "formulas.js",
    "charts.js",
    "overview_charts.js",
    "unit_charts.js",
    "samples.js",
    "table.js",
    "find.js",
    "csv.js",
    "units_view.js",
    "unit_view.js",
    "concepts_view.js",
    "compare_view.js",
    "main.js",
)
"""The scripts of the page, in the order in which they are joined into one."""

_KEPT = "The copies that the run keeps are shown instead."
_SENTENCES = 3_000
"""More bytes than the sentences on what was left out and what is missing take."""

MAX_SIZE = 20_000_000
"""The most bytes of a page, unless others are asked for."""


def write_report(
    run: str | PathLike[str],
    output: str | PathLike[str] | None = None,
    *,
    title: str | None = None,
    layers: Sequence[str] | None = None,
    units: str | Sequence[int] | None = None,
    samples: str | PathLike[str] | None = None,
    pictures: int = 24,
    picture_size: int = EDGE,
    max_size: int = MAX_SIZE,
) -> Path:
    """Write the report of a run: one page of HTML that needs nothing but a browser.

    It holds all that it shows, loads nothing, and can be sent as one file. It comes from the run
    directory alone; the same run gives the same page.

    Parameters
    ----------
    run : path
        The run directory.
    output : path, optional
        The page to write; None writes report.html in the run directory. An earlier report is
        replaced, and nothing else.
    title : str, optional
        The title of the page; None takes the name of the run directory.
    layers : sequence of str, optional
        Names or patterns of the layers to show; None shows all.
    units : str or sequence of int, optional
        Numbers or names of the units of each layer to show, such as ``"0-63,70"``.
    samples : path or "none", optional
        Where the samples are, to show them even if the run kept no copies of them; see
        `label_files`. With "none" the page shows their ids only.
    pictures : int
        The most samples of each list that are shown as pictures.
    picture_size : int
        The longest side of a picture in pixels, from 32 to 1,024. A run keeps pictures of 64; for
        others the samples are read again.
    max_size : int
        The most bytes of the page. To keep within it, the charts of formulas that are neither label
        nor peak are left out, then pictures, first those of the units whose AUC is nearest to 1/2;
        no other number is.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    MissingFileError
        There is no such run, it has no evidence, or there is nothing at `samples`.
    FileFormatError
        A file of the run is broken, or was written by a newer version.
    UnknownNameError
        A layer or unit is not in the run.
    SettingError
        Pictures cannot have this size, or the page would be too large even without them.
    ExistingOutputError, StorageError
        The output exists and is no report, lies in the run directory under another name than
        report.html, or cannot be written.
    """
    _check_choices(pictures, max_size, title)
    folder = input_path(run)
    place = folder / REPORT_FILE if output is None else Path(output)
    found = read_run(folder)
    check_report_place(place, folder)
    check_target(place, overwrite=True, refuse=_refuse_other)
    evidence = evidence_of(folder, found)
    rows = RunRows(found.labels, evidence)
    records = choose_records(rows, layers, units)
    # A name of a folder may hold bytes that are not UTF-8.
    named = (title or folder.resolve().name).encode(errors="backslashreplace").decode()
    book = book_of(rows, records, Provenance.of_info(found.info), named)
    shown = _samples(evidence, samples, picture_size)
    text, notes = page(book, shown, pictures=pictures, max_size=max_size)
    with new_file(place, overwrite=True, refuse=_refuse_other) as path:
        path.write_bytes(text)
    for note in notes:
        _log.warning("%s", note)
    return place


def _check_choices(pictures: int, max_size: int, title: str | None) -> None:
    for name, value in (("pictures", pictures), ("max_size", max_size)):
        if not isinstance(value, Integral) or value < 0:
            raise SettingError(f"{name} cannot be {value!r}.", "Give a whole number, 0 or more.")
    if title is not None and not isinstance(title, str):
        raise SettingError(f"The title cannot be {title!r}.", "Give text.")


def _samples(
    evidence: RunEvidence, samples: str | PathLike[str] | None, picture_size: int
) -> ShownSamples:
    """Return what there is to look at of the samples."""
    kept = ShownSamples(
        text=evidence.shown_text,
        picture=evidence.shown_picture,
        mime=evidence.shown_mime,
        missing=evidence.shown_missing,
    )
    if samples == NONE:
        return ShownSamples()
    root = root_of(samples)
    if root is None and (picture_size == EDGE or kept.text is not None):
        return kept
    made = shown_samples(
        evidence.shown, evidence.source, root, marks=evidence.shown_mark, edge=picture_size
    )
    if _kind(made) == "id" != _kind(kept):
        return replace(kept, missing=f"{made.missing} {_KEPT}")
    return made


def page(
    book: Book, samples: ShownSamples, *, pictures: int, max_size: int
) -> tuple[bytes, list[str]]:
    """Return the page that shows a book and its samples, in UTF-8, and what it lacks.

    Raises
    ------
    SettingError
        Even without pictures, it would be larger than `max_size` bytes.
    """
    notes = [samples.missing] * bool(samples.missing)
    rest, details = "".join(_tables(book, samples)), "".join(_details(book))
    # The head comes last, because it says what was left out; sentences are short.
    around = len(_filled(book.head["title"], packed("head", book.head) + rest)) + _SENTENCES
    if around + len(details) > max_size:
        details = "".join(_details(book.with_fewer_charts()))
        notes.append(
            "The charts of formulas that are neither the label nor the peak of a unit were left "
            f"out to keep the page within {_sized(max_size)}; --max-size allows more."
        )
    used = around + len(details)
    if used > max_size:
        raise SettingError(
            f"Even without pictures, the page needs {used:,} bytes, more than {max_size:,}.",
            "Show fewer units with --units or --layer, or allow more with --max-size "
            f"{-(-used // 1000)}kB.",
        )
    urls = [data_url(*one) for one in zip(samples.picture or (), samples.mime or (), strict=True)]
    kept, n_left_out = _kept(book, urls, pictures, max_size - used)
    if n_left_out:
        notes.append(
            f"{counted(n_left_out, 'picture')} had to be left out to keep the page within "
            f"{_sized(max_size)}, first those of the units whose AUC is nearest to 0.5; "
            "--max-size allows more."
        )
    parts = [packed("head", book.head | {"shown": _kind(samples), "notes": notes}), rest, details]
    parts += [
        packed_pictures(f"p{number}", part) for number, part in blocks(kept, PICTURES_IN_BLOCK)
    ]
    return _filled(book.head["title"], "".join(parts)), notes


def _kept(book: Book, urls: Sequence[str], most: int, space: int) -> tuple[list[str | None], int]:
    """Return the pictures that fit, and how many do not."""
    if not any(urls):
        return [], 0
    order = picture_order(book, most)
    order = order[[bool(urls[sample]) for sample in order.tolist()]]
    # Each has quotes and a comma around it; those that are left out are "null,".
    fit = fitting(order, np.array([len(url) + 3 for url in urls]), space - 5 * len(urls))
    chosen = set(fit.tolist())
    return [url if at in chosen else None for at, url in enumerate(urls)], order.size - fit.size


def _kind(samples: ShownSamples) -> str:
    if samples.text is not None:
        return "text"
    return "picture" if any(samples.picture or ()) else "id"


def _details(book: Book) -> Iterator[str]:
    """Yield the parts on single units."""
    for start in range(0, book.n_entries, UNITS_IN_BLOCK):
        stop = min(start + UNITS_IN_BLOCK, book.n_entries)
        yield packed(f"b{start // UNITS_IN_BLOCK}", book.details.block(start, stop))


def _tables(book: Book, samples: ShownSamples) -> Iterator[str]:
    """Yield the parts on concepts, all units, and samples, but for the pictures."""
    yield packed("concepts", book.concepts)
    yield packed("units", book.units)
    shown = book.rows.evidence.shown
    ids, texts = tuple(shown.values()), samples.text
    for number, of_block in blocks(tuple(shown), SAMPLES_IN_BLOCK):
        part = slice(number * SAMPLES_IN_BLOCK, (number + 1) * SAMPLES_IN_BLOCK)
        yield packed(
            f"s{number}",
            {
                "row": of_block,
                "id": ids[part] if any(ids) else None,
                "text": None if texts is None else texts[part],
            },
        )
    for number, followers in blocks(book.followers, CONCEPTS_IN_BLOCK):
        yield packed(f"d{number}", followers)


def _filled(title: str, data: str) -> bytes:
    """Return the template with everything in its places."""
    folder = resources.files("invert_core.report") / "page"
    names: tuple[str, ...] = (_PAGE, _STYLE, *SCRIPTS)
    read = {name: (folder / name).read_text("utf-8") for name in names}
    script = "\n".join(read[name] for name in SCRIPTS)
    places = {
        "@@TITLE@@": html.escape(title),
        "@@HASH@@": _digest(script),
        "@@STYLE_HASH@@": _digest(read[_STYLE]),
        "@@CSS@@": read[_STYLE],
        "@@DATA@@": data,
        "@@JS@@": script,
    }
    # In one pass, so that nothing in the data is taken for a place.
    return re.sub("|".join(places), lambda match: places[match[0]], read[_PAGE]).encode()


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _sized(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def _refuse_other(path: Path) -> None:
    if not is_report(path):
        raise not_replaced(path, "is not a report of this program")
