"""Decodes images in worker processes, which run `invert_core.data.images.worker`."""

import io
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image

import invert_core
from invert_core.data.images.preprocess import Preprocess
from invert_core.data.images.worker import receive, send
from invert_core.errors import DataError

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from invert_core.data.images.worker import main; main()"
)
LONGEST_SECONDS = 120
"""The most seconds for decoding one image, hundreds of times what the largest one takes."""

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""A worker has no use for the threads of NumPy, and starts faster without them."""


class WorkerPool:
    """Processes that decode and preprocess images, until they are closed.

    The workers are fresh interpreters that import only NumPy and Pillow. They run no code of the
    program that uses them, and they end with it, however it ends.

    Parameters
    ----------
    n_workers : int
        Number of processes, at least 1.
    preprocess : Preprocess
        How an image becomes an array.
    """

    def __init__(self, n_workers: int, preprocess: Preprocess):
        self._threads = ThreadPoolExecutor(n_workers, thread_name_prefix="image-worker")
        self._workers: list[_Worker] = []
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        try:
            for _ in range(n_workers):
                self._workers.append(_Worker(preprocess))
                self._idle.put(self._workers[-1])
        except OSError as error:
            self.close()
            raise _not_started(str(error)) from error

    def map(
        self, contents: Iterable[tuple[str, bytes | DataError]], ahead: int
    ) -> Generator[np.ndarray | DataError]:
        """Yield the result of `decode` for each image, in order.

        Parameters
        ----------
        contents : iterable of (name, bytes or DataError)
            The image files; an error is yielded unchanged, in its place.
        ahead : int
            The most images that are in work or waiting besides the one that is yielded.
        """
        waiting: deque[Future[np.ndarray | DataError]] = deque()
        for name, content in contents:
            waiting.append(self._threads.submit(self._decode, name, content))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def close(self) -> None:
        """End all workers, even in the middle of an image."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.process.kill()  # a stopped process would not get another signal
        self._threads.shutdown()
        for worker in self._workers:
            worker.close()

    def _decode(self, name: str, content: bytes | DataError) -> np.ndarray | DataError:
        if isinstance(content, DataError):
            return content
        worker = self._idle.get()
        try:
            return worker.decode(name, content)
        finally:
            self._idle.put(worker)


class _Worker:
    def __init__(self, preprocess: Preprocess):
        self.process = subprocess.Popen(
            # Without `site`, no code of the user's installation runs, and starting is faster.
            [sys.executable, "-I", "-S", "-X", "faulthandler", "-c", _START, _path()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _ONE_THREAD,
            process_group=0,  # so that Ctrl-C reaches only this process
        )
        assert isinstance(self.process.stdin, io.BufferedWriter)
        assert isinstance(self.process.stdout, io.BufferedReader)
        self._questions, self._answers = self.process.stdin, self.process.stdout
        self._setup = {
            "preprocess": preprocess.settings,
            "most_pixels": Image.MAX_IMAGE_PIXELS,
        }
        self._is_ready = False
        self._is_too_slow = False

    def decode(self, name: str, content: bytes) -> np.ndarray | DataError:
        """Call `invert_core.data.images.decoding.decode` in the process."""
        if not self._is_ready:
            self._make_ready()
        try:
            with self._deadline():
                send(self._questions, {"name": name}, content)
                header, body = receive(self._answers)
        except (EOFError, BrokenPipeError) as error:
            raise DataError(
                f"The worker process that was decoding the image {name!r} ended ({self._end()}).",
                "If memory was short, use fewer --workers; if the image is the cause, remove it.",
            ) from error
        if "message" not in header:
            return np.frombuffer(body, header["dtype"]).reshape(header["shape"])
        answer = DataError(header["message"], header["hint"])
        for note in header["notes"]:
            answer.add_note(note)
        return answer

    def close(self) -> None:
        """Wait until the process ends, and close the pipes."""
        self.process.wait()
        with suppress(BrokenPipeError):  # closing may try to send what is still buffered
            self._questions.close()
        self._answers.close()

    def _make_ready(self) -> None:
        try:
            with self._deadline():
                send(self._questions, self._setup)
                receive(self._answers)
        except (EOFError, BrokenPipeError) as error:
            raise _not_started(self._end()) from error
        self._is_ready = True

    @contextmanager
    def _deadline(self) -> Iterator[None]:
        """Kill the process if it does not answer, for example because it is stopped."""

        def kill() -> None:
            self._is_too_slow = True
            self.process.kill()

        timer = threading.Timer(LONGEST_SECONDS, kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _end(self) -> str:
        code = self.process.wait()
        if self._is_too_slow:
            return f"it was ended, because it did not answer for {LONGEST_SECONDS} seconds"
        return f"exit status {code}" if code >= 0 else signal.Signals(-code).name


def _not_started(reason: str) -> DataError:
    return DataError(
        f"A worker process could not start ({reason}).",
        "Look for its message on the standard error stream, or use --workers 0.",
    )


def _path() -> str:
    """Return the folders in which this process finds modules, as JSON."""
    home = Path(invert_core.__file__).parent.parent
    return json.dumps([*map(os.path.abspath, sys.path), str(home.resolve())])
