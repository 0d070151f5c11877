"""What a run keeps of the samples that it shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ShownSamples:
    """What there is to look at of some samples, in their order.

    Attributes
    ----------
    text : tuple of str [S] or None
        The beginning of each text; None if the samples are no texts.
    picture : tuple of bytes [S] or None
        A small image file of each sample, b"" for one that has none; None if there are no pictures.
    mime : tuple of str [S] or None
        The kind of each picture, ``image/png`` or ``image/webp``, or "" for a sample that has none;
        None if there are no pictures.
    missing : str
        A sentence that says what is missing and why; "" if nothing is.
    """

    text: tuple[str, ...] | None = None
    picture: tuple[bytes, ...] | None = None
    mime: tuple[str, ...] | None = None
    missing: str = ""
