"""The errors that a user can cause.

Every message says in one sentence what is wrong, and `hint` says what to type next. Each error also
inherits from the built-in exception that fits it, so that code which catches only built-in
exceptions catches it too.
"""


class InvertError(Exception):
    """The base class of all errors of this package.

    Parameters
    ----------
    message : str
        What is wrong.
    hint : str
        What the user can do about it.
    """

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message, the hint and the notes, as the command line prints them."""
        parts = [self.message, self.hint, *getattr(self, "__notes__", ())]
        return " ".join(part for part in parts if part)


class MissingFileError(InvertError, FileNotFoundError):
    """A file or folder does not exist."""

    __str__ = InvertError.__str__


class ExistingOutputError(InvertError, FileExistsError):
    """The output exists and must not be overwritten."""

    __str__ = InvertError.__str__


class FileFormatError(InvertError, ValueError):
    """A file is broken, hostile, or not in the expected format."""


class ModelError(InvertError, ValueError):
    """A model cannot be loaded or run."""


class DataError(InvertError, ValueError):
    """Samples, activations or labels have the wrong shape, type or values."""


class SettingError(InvertError, ValueError):
    """A setting has a value that is not allowed."""


class FormulaError(InvertError, ValueError):
    """A formula cannot be parsed."""


class UnknownNameError(InvertError, LookupError):
    """A layer, concept, unit or backend with this name does not exist."""


class MissingDependencyError(InvertError, ImportError):
    """A required package is not installed, or does not work here."""


class StaleFileError(InvertError, ValueError):
    """A file was made from inputs or settings that differ from the present ones."""


class ChangedFileError(InvertError, RuntimeError):
    """An input changed, or was replaced, while it was read."""


class StorageError(InvertError, OSError):
    """A file or folder could not be written."""

    __str__ = InvertError.__str__
