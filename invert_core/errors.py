"""The errors that a user can cause.

Every message says in one sentence what is wrong, and `hint` says what to type next. Each leaf also
inherits the builtin that fits it, so that callers who know only builtins catch it too.
"""


class InvertError(Exception):
    """Root of the tree.

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
        """Message, hint and notes, as the command line prints them."""
        parts = [self.message, self.hint, *getattr(self, "__notes__", ())]
        return " ".join(part for part in parts if part)


class MissingFileError(InvertError, FileNotFoundError):
    """A file or folder that was named does not exist."""

    __str__ = InvertError.__str__


class ExistingOutputError(InvertError, FileExistsError):
    """The output exists and was not to be overwritten."""

    __str__ = InvertError.__str__


class FileFormatError(InvertError, ValueError):
    """A file is broken, hostile, or not of the format it should be."""


class ModelError(InvertError, ValueError):
    """A model cannot be loaded or run."""


class DataError(InvertError, ValueError):
    """Samples, activations or labels have the wrong shape, type or values."""


class SettingError(InvertError, ValueError):
    """A setting lies outside what it may be."""


class FormulaError(InvertError, ValueError):
    """A formula cannot be parsed."""


class UnknownNameError(InvertError, LookupError):
    """A layer, concept, unit or backend that does not exist was named."""


class MissingDependencyError(InvertError, ImportError):
    """A package that this work needs is not installed, or does not work here."""


class StaleFileError(InvertError, ValueError):
    """A file was made from other inputs or settings than the ones now given."""


class StorageError(InvertError, OSError):
    """Something could not be written."""

    __str__ = InvertError.__str__
