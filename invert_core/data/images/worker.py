"""The worker process: it reads encoded images from one pipe and writes arrays to another.

A message consists of two lengths, a JSON header and a body. The first message to the worker says
how to preprocess, and the worker answers that it is ready. Each further message is an image, and
the answer is its array or the reason why there is none. Nothing is pickled. The worker ends when
its input ends, so it also ends when the process that started it is killed.
"""

import io
import json
import os
import signal
import struct
from typing import Any

from PIL import Image

from invert_core.data.images.decoding import decode, strict_pillow
from invert_core.data.images.preprocess import Preprocess
from invert_core.errors import DataError

_LENGTHS = struct.Struct("<IQ")


def send(stream: io.BufferedWriter, header: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Write one message: a header as JSON, and a body of bytes."""
    encoded = json.dumps(header).encode()
    stream.write(_LENGTHS.pack(len(encoded), len(body)) + encoded)
    stream.write(body)
    stream.flush()


def receive(stream: io.BufferedReader) -> tuple[dict[str, Any], bytearray]:
    """Read the header and the body of one message; EOFError means that the pipe is closed."""
    header_length, body_length = _LENGTHS.unpack(_read(stream, _LENGTHS.size))
    return json.loads(_read(stream, header_length)), _read(stream, body_length)


def _read(stream: io.BufferedReader, n_bytes: int) -> bytearray:
    content = bytearray(n_bytes)
    if stream.readinto(content) < n_bytes:
        raise EOFError("The other end of the pipe is closed.")
    return content


def main() -> None:
    """Answer messages until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not get among the answers
    try:
        with strict_pillow():
            _answer(os.fdopen(0, "rb"), answers)
    except (EOFError, BrokenPipeError):
        os._exit(0)  # the parent process is gone


def _answer(questions: io.BufferedReader, answers: io.BufferedWriter) -> None:
    setup, _ = receive(questions)
    Image.MAX_IMAGE_PIXELS = setup["most_pixels"]
    preprocess = Preprocess.from_settings(setup["preprocess"])
    send(answers, {})
    while True:
        header, content = receive(questions)
        result = decode(header["name"], bytes(content), preprocess)
        if isinstance(result, DataError):
            notes = getattr(result, "__notes__", [])
            send(answers, {"message": result.message, "hint": result.hint, "notes": notes})
        else:
            header = {"shape": result.shape, "dtype": result.dtype.str}
            send(answers, header, result.data.cast("B"))
