"""Which samples a run keeps small copies of, and from where."""

import logging
from collections.abc import Mapping
from os import PathLike

from invert_core.data.previews.place import NONE, root_of
from invert_core.data.previews.shown import ShownSamples
from invert_core.data.previews.shown_samples import NONE_KEPT, Progress, shown_samples
from invert_core.errors import SettingError
from invert_core.wording import counted

_log = logging.getLogger("invert")


class KeptSamples:
    """Makes the copies that a run keeps of the samples that it shows.

    Parameters
    ----------
    samples : path, "none" or None
        Where the samples are, if they are not where activations were extracted from; or that none
        are kept.
    progress : callable, optional
        Called with the number of samples done and the number of all samples.

    Raises
    ------
    MissingFileError
        There is nothing at the path.
    """

    def __init__(self, samples: str | PathLike[str] | None, progress: Progress | None = None):
        self._keeps_none = samples == NONE
        self._root = root_of(samples)
        self._progress = progress

    def check_used(self, keeps_evidence: bool) -> None:
        """Refuse a place for samples if the run keeps no evidence, of which they are a part."""
        if self._root is not None and not keeps_evidence:
            raise SettingError(
                "Samples are kept with the evidence, which --no-evidence leaves out.",
                "Leave out --samples or --no-evidence.",
            )

    def __call__(
        self,
        shown: Mapping[int, str],
        source: Mapping[str, str],
        marks: Mapping[int, int] | None,
    ) -> ShownSamples:
        """Make the copies, and say what is kept and what is missing.

        Parameters
        ----------
        shown : mapping of int to str
            Ids of the samples, by row.
        source : mapping of str to str
            Where the activation file says that they are; {} if it does not say it.
        marks : mapping of int to int, or None
            Their marks in the activation file, by row.
        """
        if self._keeps_none:
            return ShownSamples(missing=NONE_KEPT)
        made = shown_samples(shown, source, self._root, self._progress, marks)
        for what, found in (("picture", made.picture), ("text", made.text)):
            if found is not None:
                _log.info(
                    "The run keeps small copies of its samples (%s); "
                    "label --samples none keeps none.",
                    counted(sum(map(bool, found)), what),
                )
        if made.missing and (source or self._root is not None):
            _log.warning("%s", made.missing)
        return made
