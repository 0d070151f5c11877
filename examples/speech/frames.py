"""Cuts recorded clips into the frames that silero-vad takes, and says what is in each frame."""

import csv
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from invert_core.errors import FileFormatError, MissingFileError

SOUNDS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
"""Where Debian's package `asterisk-core-sounds-en-wav` puts its clips."""

RATE = 8000
STEP = 256
"""Length of a frame at this rate: 32 ms."""
CONTEXT = 32
"""The last numbers of the frame before, which the model takes in front of a frame."""
LOUD = 10 ** (-30 / 20)
"""Root mean square of a loud frame, 30 dB below the largest possible."""


def read_clip(path: Path) -> np.ndarray:
    """Return the sound as floats between -1 and 1.

    Raises
    ------
    FileFormatError
        The file is not a WAV file with one channel of 16 bits at 8 kHz.
    """
    try:
        with wave.open(str(path)) as file:
            kind = file.getframerate(), file.getnchannels(), file.getsampwidth()
            sound = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise FileFormatError(
            f"{str(path)!r} is not a WAV file: {str(error) or 'it ends too early'}.", "Replace it."
        ) from None
    if kind != (RATE, 1, 2):
        raise FileFormatError(
            f"{str(path)!r} has {kind[1]} channels of {8 * kind[2]} bits at {kind[0]} Hz.",
            f"Convert it with: sox {path.name} -r {RATE} -c 1 -b 16 converted.wav",
        )
    return np.frombuffer(sound, "<i2").astype(np.float32) / 32768


def cut(sound: np.ndarray) -> np.ndarray:
    """Cut a clip into frames, each behind the end of the frame before.

    Parameters
    ----------
    sound : float32 array [T]

    Returns
    -------
    float32 array [F, CONTEXT + STEP]
        The first frame has zeros in front, and the last one is filled up with zeros.
    """
    padded = np.pad(sound, (CONTEXT, -len(sound) % STEP))
    return np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + STEP)[::STEP].copy()


def concepts_of(folder: str, frames: np.ndarray) -> Iterator[list[str]]:
    """Yield the concepts of each frame of a clip: its folder, and what is loud."""
    loud = np.sqrt(np.mean(frames[:, CONTEXT:] ** 2, axis=1)) >= LOUD
    before = np.r_[False, loud[:-1]]
    for is_loud, was_loud in zip(loud, before, strict=True):
        names = {folder: True, "loud": is_loud, "loud-before": was_loud}
        yield [name for name, holds in names.items() if holds]


def write_frames(sounds: Path, arrays: Path, table: Path) -> int:
    """Write the frames of all clips in a folder, and a table of their concepts.

    Parameters
    ----------
    sounds : Path
        WAV files; those beside the folders are prompts.
    arrays : Path
        The ``.npz`` file to write, with ``input`` [N, CONTEXT + STEP] and ``sample_id`` [N]; the id
        of a frame is ``CLIP:NUMBER``, and the frames of a clip are next to each other.
    table : Path
        The ``.csv`` file to write, with the columns ``sample_id,concepts``.

    Returns
    -------
    int
        The number of clips.

    Raises
    ------
    MissingFileError, FileFormatError
        There are no clips, or one cannot be read.
    """
    clips = sorted(sounds.rglob("*.wav"))
    if not clips:
        raise MissingFileError(
            f"There are no WAV files in {str(sounds)!r}.",
            "Install them with `apt-get install asterisk-core-sounds-en-wav`, or name another "
            "folder with --sounds.",
        )
    frames, ids, concepts = [], [], []
    for clip in clips:
        name = clip.relative_to(sounds).with_suffix("")
        cut_clip = cut(read_clip(clip))
        frames.append(cut_clip)
        ids += [f"{name.as_posix()}:{number:04}" for number in range(len(cut_clip))]
        concepts += concepts_of(name.parts[0] if len(name.parts) > 1 else "prompts", cut_clip)
    np.savez(arrays, input=np.concatenate(frames), sample_id=np.array(ids))
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["sample_id", "concepts"])
        rows.writerows(
            [sample, " ".join(names)] for sample, names in zip(ids, concepts, strict=True)
        )
    return len(clips)
