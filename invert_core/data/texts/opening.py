"""Opens texts: a file of lines, a folder of files, or a column of a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from invert_core.data.folders import find_files, log_left_out, with_links_named
from invert_core.data.source import DataSource
from invert_core.data.texts.text_source import TextSource
from invert_core.data.texts.tokenizer_file import Tokenize
from invert_core.errors import DataError, FileFormatError, SettingError
from invert_core.files.text_files import read_lines, read_whole, without_line_end
from invert_core.models.backend import ModelInput
from invert_core.tables.columns import SUFFIXES, read_column
from invert_core.values import SAMPLE_LIMIT

COLUMNS = ("text", "sentence", "content")
SUFFIX = ".txt"


def open_texts(
    path: Path,
    inputs: Sequence[ModelInput],
    text: Tokenize,
    *,
    column: str | None = None,
    id_column: str | None = None,
    follow_links: bool = False,
) -> DataSource:
    """Open texts for a model that takes tokens.

    Parameters
    ----------
    path : Path
        A ``.txt`` file with one text per line; a folder of ``.txt`` files with one text each,
        whose paths are the sample ids; or a table, as `invert_core.tables.columns.read_column`
        reads it. The line end at the end of a file does not belong to its text.
    inputs : sequence of ModelInput
        The inputs of the model.
    text : Tokenize
        How texts become tokens.
    column : str, optional
        The column of texts; by default ``text``, ``sentence`` or ``content``.
    id_column : str, optional
        The column of sample ids; by default ``sample_id``, if it exists.
    follow_links : bool
        Whether symbolic links below a folder are followed.
    """
    texts = read_texts(path, column=column, id_column=id_column, follow_links=follow_links)
    source = TextSource(texts.values, texts.sample_id, inputs, text)
    source.origin = texts.titles
    return source


@dataclass(frozen=True)
class Texts:
    """Texts as they were read.

    Attributes
    ----------
    values : tuple of str [n_samples]
    sample_id : tuple of str or None
        One id per text; None if texts are known by their position only.
    titles : mapping of str to str
        The titles of the columns, if the texts are in a table.
    """

    values: tuple[str, ...]
    sample_id: tuple[str, ...] | None
    titles: Mapping[str, str] = field(default_factory=dict)


def read_texts(
    path: Path, *, column: str | None, id_column: str | None, follow_links: bool = False
) -> Texts:
    """Read texts; the parameters are those of `open_texts`."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES and not path.is_dir():
        table = read_column(path, column, COLUMNS, id_column)
        return Texts(table.values, table.sample_id, table.titles)
    if column is not None or id_column is not None:
        raise SettingError(
            f"A column was named, but {str(path)!r} is not a table.",
            f"Leave --column and --id-column out, or give a file in {', '.join(SUFFIXES)}.",
        )
    if path.is_dir():
        texts = _read_folder(path, follow_links=follow_links)
        return Texts(tuple(texts.values()), tuple(texts))
    if suffix == SUFFIX:
        return Texts(_read_file(path), None)
    raise FileFormatError(
        f"The suffix of {str(path)!r} does not say that it holds texts.",
        f"Give a folder of {SUFFIX} files, or a file in {SUFFIX}, {', '.join(SUFFIXES)}.",
    )


def _read_file(path: Path) -> tuple[str, ...]:
    where = ((f"{str(path)!r}, line {number}", line) for number, line in read_lines(path))
    return _checked(where)


def _read_folder(folder: Path, *, follow_links: bool) -> dict[str, str]:
    names = _find_texts(folder, follow_links=follow_links)
    contents = ((f"The file {name!r}", read_whole(folder / name)) for name in names)
    texts = _checked((where, without_line_end(content)) for where, content in contents)
    return dict(zip(names, texts, strict=True))


def _checked(texts: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    found: list[str] = []
    for where, text in texts:
        if not text.strip():
            raise DataError(f"{where} is empty.", "Leave empty texts out.")
        if len(found) == SAMPLE_LIMIT:
            raise DataError(f"There are more than {SAMPLE_LIMIT:,} texts.", "Give fewer.")
        found.append(text)
    return tuple(found)


def _find_texts(folder: Path, *, follow_links: bool) -> tuple[str, ...]:
    """Return the relative paths of all texts below a folder, in order."""
    where = f"the folder {str(folder)!r}"
    found = find_files(folder, (SUFFIX,), follow_links=follow_links)
    if not found.names:
        error = DataError(f"T{where[1:]} has no texts.", f"Texts end in {SUFFIX}.")
        raise with_links_named(error, where, found)
    log_left_out(f"{SUFFIX} files", where, found)
    return found.names
