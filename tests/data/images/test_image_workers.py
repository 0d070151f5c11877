import os
import select
import signal
import subprocess
import sys
import threading
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from invert_core.data import Preprocess
from invert_core.data.images import worker_pool
from invert_core.data.images.image_files import FolderFiles
from invert_core.data.images.image_source import ImageSource
from invert_core.data.images.worker_pool import WorkerPool
from invert_core.errors import DataError, SettingError
from invert_core.parallel import read_ahead

STEPS = Preprocess(resize=(5, 7), mean=(0.5,), std=(0.25,))

RUN = "from invert_core.data.images.worker import main; main()"


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(12):
        pixels = np.random.default_rng(i).integers(0, 256, (9 + i, 20, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02}.{'png' if i % 2 else 'jpg'}")
    return folder


@pytest.fixture
def started(monkeypatch):
    """The worker processes that were started."""
    processes = []

    class Recorded(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            processes.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    return processes


def source_of(folder, workers, **options):
    return ImageSource(FolderFiles(folder), "x", STEPS, workers=workers, **options)


def all_rows(source, start=0, batch_size=5):
    return np.concatenate([batch.inputs["x"] for batch in source.batches(start, batch_size)])


def ended(processes):
    return all(process.returncode is not None for process in processes)


@pytest.mark.parametrize("workers", [1, 3])
def test_what_comes_out_does_not_depend_on_the_workers(images, workers):
    here, there = source_of(images, 0), source_of(images, workers)
    assert all_rows(there).tobytes() == all_rows(here).tobytes()
    assert all_rows(there, 7).tobytes() == all_rows(here)[5:].tobytes()
    assert (there.manifest, there.settings) == (here.manifest, here.settings)


@pytest.mark.parametrize("dtype", ["float16", "uint8"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_arrays_of_every_type_and_layout_come_back(images, dtype, layout):
    steps = Preprocess(resize=(5, 7), dtype=dtype, layout=layout, scale=1)
    contents = [("a", (images / "00.jpg").read_bytes())]
    with closing(WorkerPool(1, steps)) as pool:
        (array,) = pool.map(contents, ahead=1)
    assert array.dtype == dtype
    assert np.array_equal(array, steps.apply(Image.open(images / "00.jpg")))


def test_errors_are_the_same_with_workers(images):
    (images / "03.png").write_bytes(b"no image")
    (images / "04.jpg").write_bytes((images / "04.jpg").read_bytes()[:300])
    (images / "05.png").unlink()
    (images / "05.png").symlink_to(images / "gone.png")
    Image.new("I;16", (6, 4)).save(images / "06.png")

    def outcomes(workers):
        with closing(source_of(images, workers)._decoded(sorted(os.listdir(images)), 4)) as found:
            return [str(each) if isinstance(each, DataError) else each.tolist() for each in found]

    here = outcomes(0)
    assert sum(isinstance(outcome, str) for outcome in here) == 4
    assert outcomes(2) == here


def test_bad_images_are_found_by_workers_too(images, started):
    (images / "03.png").write_bytes(b"no image")
    source = source_of(images, 2, skip_bad=True)
    assert len(started) == 2
    assert ended(started)
    assert len(source) == 11
    assert "03.png" not in source.sample_id


def test_the_limit_of_pixels_of_this_process_holds_in_workers(images, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20 * 12)
    source = source_of(images, 1)
    with pytest.raises(DataError, match=r"04\.jpg.*decompression bomb"):
        all_rows(source)


def test_an_example_starts_no_workers(images, started):
    source = source_of(images, 2)
    assert np.array_equal(source.example()["x"], all_rows(source_of(images, 0))[:1])
    assert not started


def test_few_images_are_read_without_workers_and_many_with(images, started, monkeypatch):
    all_rows(source_of(images, None))
    assert not started
    monkeypatch.setattr("invert_core.data.images.image_source._TOO_FEW_FOR_WORKERS", 12)
    monkeypatch.setattr("invert_core.data.images.image_source.available_cores", lambda: 2)
    all_rows(source_of(images, None))
    assert len(started) == 2
    assert ended(started)


@pytest.mark.parametrize("workers", [-1, 1.5, True, "2"])
def test_a_number_of_workers_that_cannot_be_is_refused(images, workers):
    with pytest.raises(SettingError, match="--workers"):
        source_of(images, workers)


def test_a_worker_that_dies_names_the_image_it_was_at(images, started):
    def contents():
        yield "first", (images / "00.jpg").read_bytes()
        started[0].kill()
        yield "second", (images / "01.png").read_bytes()

    with closing(WorkerPool(1, STEPS)) as pool:
        results = pool.map(contents(), ahead=0)
        next(results)
        with pytest.raises(DataError, match=r"'second' ended \(SIGKILL\).*--workers"):
            next(results)


def test_what_a_crashing_worker_writes_is_not_lost(images, monkeypatch, capfd):
    crash = "import invert_core.data.images.worker as w; w.decode = lambda *_: 1 / 0; w.main()"
    start = worker_pool._START.replace(RUN, crash)
    monkeypatch.setattr(worker_pool, "_START", start)
    source = source_of(images, 1)
    with pytest.raises(DataError, match=r"'00\.jpg' ended \(exit status 1\)"):
        next(source.batches(0, 4))
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_worker_that_cannot_start_says_how_to_do_without(images, monkeypatch, capfd):
    monkeypatch.setattr(worker_pool, "_START", "import sys; sys.exit('no NumPy')")
    with pytest.raises(DataError, match=r"could not start \(exit status 1\).*--workers 0"):
        next(source_of(images, 1).batches(0, 4))
    assert "no NumPy" in capfd.readouterr().err


def test_a_python_that_is_gone_says_how_to_do_without_workers(images, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(images / "python"))
    with pytest.raises(DataError, match=r"could not start .*--workers 0"):
        next(source_of(images, 1).batches(0, 4))


def test_a_worker_that_cannot_start_does_not_make_images_bad(images, monkeypatch):
    monkeypatch.setattr(worker_pool, "_START", "")
    with pytest.raises(DataError, match="could not start"):
        source_of(images, 1, skip_bad=True)


def test_what_a_library_prints_in_a_worker_is_not_taken_for_an_answer(images, monkeypatch, capfd):
    loud = "import os, invert_core.data.images.worker as w; d = w.decode; "
    loud += "w.decode = lambda *a: (os.write(1, b'noise'), d(*a))[1]; w.main()"
    start = worker_pool._START.replace(RUN, loud)
    monkeypatch.setattr(worker_pool, "_START", start)
    assert len(all_rows(source_of(images, 1))) == 12
    assert capfd.readouterr().err == "noise" * 12


def test_workers_leave_ctrl_c_to_who_started_them(images, started):
    batches = source_of(images, 1).batches(0, 2)
    next(batches)
    assert os.getpgid(started[0].pid) != os.getpgid(0)
    started[0].send_signal(signal.SIGINT)
    assert len(list(batches)) == 5


@pytest.mark.parametrize("reason", [GeneratorExit, KeyboardInterrupt])
def test_workers_and_threads_end_when_reading_is_given_up(images, started, reason):
    n_threads = threading.active_count()
    batches = source_of(images, 2).batches(0, 2)
    next(batches)
    with pytest.raises(reason):
        batches.throw(reason)
    assert ended(started)
    assert threading.active_count() == n_threads


def test_workers_end_when_the_thread_that_reads_ahead_does(images, started):
    with closing(read_ahead(source_of(images, 2).batches(0, 2))) as batches:
        next(batches)
    assert len(started) == 2
    assert ended(started)


def test_no_more_images_than_asked_for_are_read_ahead(images):
    read = []

    def contents():
        for path in sorted(images.iterdir()):
            read.append(path)
            yield path.name, path.read_bytes()

    with closing(WorkerPool(2, STEPS)) as pool:
        results = pool.map(contents(), ahead=3)
        for n_given in range(1, 9):
            next(results)
            assert len(read) == n_given + 3


def test_a_worker_imports_numpy_and_pillow_and_nothing_else(images, monkeypatch, capfd):
    tell = "import invert_core.data.images.worker; print(*{m.split('.')[0] for m in sys.modules}"
    tell += " - set(sys.stdlib_module_names), file=sys.stderr); "
    monkeypatch.setattr(worker_pool, "_START", worker_pool._START.replace("from", tell + "from"))
    all_rows(source_of(images, 1))
    assert set(capfd.readouterr().err.split()) == {"numpy", "PIL", "invert_core", "__main__"}


SCRIPT = """
import subprocess, sys
from pathlib import Path
from invert_core.data.images.image_files import FolderFiles
from invert_core.data.images.image_source import ImageSource
from invert_core.data import Preprocess

class Recorded(subprocess.Popen):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        print(self.pid, flush=True)

subprocess.Popen = Recorded
source = ImageSource(FolderFiles(Path(sys.argv[1])), "x", Preprocess(resize=(5, 7)), workers=2)
for batch in source.batches(0, 2):
    print("batch", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes as Linux does")
def test_workers_of_a_killed_script_without_a_main_guard_end_by_themselves(images):
    command = [sys.executable, "-c", SCRIPT, str(images)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, env=os.environ | {"PYTHONPATH": "."}) as script:
        workers = [int(script.stdout.readline()) for _ in range(2)]
        assert script.stdout.readline() == b"batch\n"
        handles = [os.pidfd_open(worker) for worker in workers]
        script.kill()
    for handle in handles:
        ready, _, _ = select.select([handle], [], [], 60)
        os.close(handle)
        assert ready


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be stopped")
def test_a_stopped_worker_is_ended_after_a_time(images, started, monkeypatch):
    monkeypatch.setattr(worker_pool, "LONGEST_SECONDS", 3)
    with closing(WorkerPool(1, STEPS)) as pool:
        started[0].send_signal(signal.SIGSTOP)
        results = pool.map([("first", (images / "00.jpg").read_bytes())], ahead=0)
        with pytest.raises(DataError, match="did not answer for 3 seconds"):
            next(results)


@pytest.mark.skipif(sys.platform == "win32", reason="processes cannot be stopped")
def test_a_stopped_worker_does_not_hold_up_the_end(images, started):
    pool = WorkerPool(1, STEPS)
    started[0].send_signal(signal.SIGSTOP)
    results = pool.map([("first", (images / "00.jpg").read_bytes())] * 2, ahead=1)
    closer = threading.Timer(0.5, pool.close)
    closer.start()
    with pytest.raises(DataError):
        next(results)
    closer.join()
    assert ended(started)
