"""Checks files that the user names as input."""

from os import PathLike
from pathlib import Path

from invert_core.errors import FileFormatError, MissingFileError, SettingError


def input_path(named: str | PathLike[str]) -> Path:
    """Return the path of an input, which need not exist but must be one that can be looked up."""
    try:
        path = Path(named)
    except TypeError as error:
        raise SettingError(
            f"A path cannot be {named!r}.", "Give the path of a file or folder as text, or a Path."
        ) from error
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except ValueError as error:
        raise MissingFileError(
            f"{str(path)!r} is no path that a system could look up.", "Check the path."
        ) from error
    except OSError as error:
        raise MissingFileError(
            f"{str(path)!r} cannot be looked up: {error.strerror}.",
            "Check the path, and the permissions of its folders.",
        ) from error
    return path


def check_file(path: Path, hint: str = "Check the path.") -> None:
    """Raise unless there is a file at `path`; `hint` is for a path where nothing is."""
    if path.is_dir():
        raise MissingFileError(f"{str(path)!r} is a folder.", "Name one file in it.")
    if path.exists() and not path.is_file():
        raise MissingFileError(
            f"{str(path)!r} is a pipe or a device.", "Save its content as a file, and name that."
        )
    if not path.is_file():
        raise MissingFileError(f"There is no file {str(path)!r}.", hint)


def unreadable(path: Path, error: OSError) -> FileFormatError:
    """The error for a file that exists but cannot be read."""
    return FileFormatError(
        f"{str(path)!r} cannot be read: {error.strerror}.", "Check its permissions."
    )
