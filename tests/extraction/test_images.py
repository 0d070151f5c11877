"""Extractions from folders of images."""

import contextlib
import errno
import functools
import itertools
import json
import os
import shutil

import h5py
import numpy as np
import pytest
from PIL import Image

from invert_core import extract, open_activations
from invert_core.activations.writing import partial_file, sample_digests
from invert_core.data import Preprocess
from invert_core.errors import DataError, FileFormatError, StaleFileError, StorageError
from invert_core.files.hdf5_checksums import seal, write_strings
from invert_core.models.backend import ModelInput
from tests.extraction.extracted import LAYERS
from tests.fake_model import FakeModel, samples


def image_model():
    """The fake model, fed with images of 2 x 4 grey pixels."""
    model = FakeModel()
    model.inputs = (ModelInput("x", (None, 1, 2, 4), np.dtype(np.float32)),)
    return model


@pytest.fixture
def images(tmp_path):
    for i in range(5):
        path = tmp_path / "images" / f"{i}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (4, 2), i).save(path)
    return path.parent


GREY = Preprocess(mode="L")


def test_a_folder_of_images_is_extracted(tmp_path, images):
    extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=GREY, batch_size=2)
    with open_activations(tmp_path / "x.h5") as activations:
        assert activations.sample_id == tuple(f"{i}.png" for i in range(5))


def test_the_version_that_decides_the_pixels_is_recorded_for_images_only(tmp_path, images):
    extract(image_model(), images, tmp_path / "images.h5", LAYERS, preprocess=GREY)
    extract(FakeModel(), samples(9), tmp_path / "arrays.h5", LAYERS)
    for name, there in (("images.h5", True), ("arrays.h5", False)):
        with h5py.File(tmp_path / name) as file:
            assert ("pillow" in json.loads(file.attrs["versions"])) == there


def test_other_preprocessing_is_named(tmp_path, images):
    extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=GREY)
    other = Preprocess(mode="L", mean=(0.5,))
    with pytest.raises(StaleFileError, match=r"preprocessing\.mean null, now it is \[0\.5\]"):
        extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=other)


def test_other_images_are_told_apart(tmp_path, images):
    extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=GREY)
    (images / "0.png").rename(images / "00.png")
    with pytest.raises(StaleFileError, match="made with data "):
        extract(image_model(), images, tmp_path / "x.h5", LAYERS, preprocess=GREY)


def test_images_of_another_shape_than_the_model_takes_say_what_to_change(tmp_path, images):
    with pytest.raises(DataError, match=r"\[samples, 1, 2, 4\].*\(5, 3, 2, 4\).*--mode"):
        extract(image_model(), images, tmp_path / "x.h5", LAYERS)


def test_an_unreadable_image_stops_or_is_left_out(tmp_path, images):
    (images / "2.png").write_text("no image")
    arguments = (image_model(), images, tmp_path / "x.h5", LAYERS)
    with pytest.raises(DataError, match=r"2\.png.*--skip-bad"):
        extract(*arguments, preprocess=GREY)
    assert not (tmp_path / "x.h5").exists()
    assert extract(*arguments, preprocess=GREY, skip_bad=True).n_samples == 4
    assert extract(*arguments, preprocess=GREY, skip_bad=True).already_done


def broken(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n no image, and long, so that its size is another" * 3)


def repaired(path, value, level=9):
    Image.new("L", (4, 2), value).save(path, compress_level=level, dpi=(72, 72 + value))


def run(folder, output, **settings):
    return extract(image_model(), folder, output, LAYERS, preprocess=GREY, batch_size=2, **settings)


def stopped_at(images, output, name, **settings):
    with pytest.raises(DataError, match=name) as caught:
        run(images, output, **settings)
    return str(caught.value)


def contents(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(
            lambda name, item: (
                found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
        return found, file.attrs["fingerprint"]


def assert_equal(path, wanted_path):
    found, fingerprint = contents(path)
    wanted, wanted_fingerprint = contents(wanted_path)
    assert fingerprint == wanted_fingerprint
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("sparse", [(), ("out",)])
def test_an_image_that_was_repaired_does_not_cost_the_rows_before_it(tmp_path, images, sparse):
    broken(images / "3.png")
    told = stopped_at(images, tmp_path / "x.h5", r"3\.png", sparse=sparse)
    assert "2 of 5 samples are kept" in told
    assert "goes on from there once that is repaired" in told
    repaired(images / "3.png", 3)
    assert run(images, tmp_path / "x.h5", sparse=sparse).resumed_from == 2
    run(images, tmp_path / "whole.h5", sparse=sparse)
    assert_equal(tmp_path / "x.h5", tmp_path / "whole.h5")
    assert run(images, tmp_path / "x.h5", sparse=sparse).already_done


def test_a_run_that_overwrites_goes_on_after_a_repair_beside_the_old_file(tmp_path, images):
    path = tmp_path / "x.h5"
    run(images, path, dtype="float16")
    old = path.read_bytes()
    broken(images / "3.png")
    stopped_at(images, path, r"3\.png", overwrite=True)
    repaired(images / "3.png", 3)
    assert path.read_bytes() == old
    assert run(images, path).resumed_from == 2
    run(images, tmp_path / "whole.h5")
    assert_equal(path, tmp_path / "whole.h5")


def test_another_path_of_an_id_counts_as_a_change_of_its_sample(tmp_path, images):
    def table(*names):
        rows = [f"id{row},images/{name}.png" for row, name in enumerate(names)]
        (tmp_path / "t.csv").write_text("\n".join(["sample_id,path", *rows]))
        return tmp_path / "t.csv"

    broken(images / "3.png")
    for name in ("5", "6"):
        repaired(images / f"{name}.png", 0)
    stopped_at(table("5", "1", "2", "3", "4"), tmp_path / "x.h5", "id3")
    with pytest.raises(StaleFileError, match="have changed since: 'id0'"):
        run(table("6", "1", "2", "4", "3"), tmp_path / "x.h5")
    assert run(table("5", "1", "2", "6", "4"), tmp_path / "x.h5").resumed_from == 2
    run(tmp_path / "t.csv", tmp_path / "whole.h5")
    assert_equal(tmp_path / "x.h5", tmp_path / "whole.h5")


def test_an_image_whose_row_is_done_may_not_change(tmp_path, images):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    repaired(images / "0.png", 200)
    with pytest.raises(StaleFileError, match=r"have changed since: '0\.png'") as caught:
        run(images, tmp_path / "x.h5")
    assert "--overwrite" in caught.value.hint
    assert (tmp_path / "x.h5.partial").exists()


def test_an_image_that_was_repaired_and_read_may_not_change_back(tmp_path, images):
    broken(images / "2.png")
    before = (images / "2.png").read_bytes()
    stopped_at(images, tmp_path / "x.h5", r"2\.png")
    repaired(images / "2.png", 2)
    broken(images / "4.png")
    stopped_at(images, tmp_path / "x.h5", r"4\.png")
    (images / "2.png").write_bytes(before)
    repaired(images / "4.png", 4)
    with pytest.raises(StaleFileError, match=r"have changed since: '2\.png'"):
        run(images, tmp_path / "x.h5")


def test_an_image_that_was_taken_away_is_a_change_of_the_data(tmp_path, images):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    (images / "3.png").unlink()
    with pytest.raises(StaleFileError, match="made with data "):
        run(images, tmp_path / "x.h5")


def test_another_setting_is_named_though_an_image_was_repaired(tmp_path, images):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    repaired(images / "3.png", 3)
    with pytest.raises(StaleFileError, match='made with dtype "float32"'):
        run(images, tmp_path / "x.h5", dtype="float16")


def test_sample_digests_of_another_type_or_number_are_refused(tmp_path, images):
    broken(images / "3.png")
    for spoiled in (np.zeros(5), np.zeros(4, np.uint64), np.zeros((5, 1), np.uint64)):
        stopped_at(images, tmp_path / "x.h5", r"3\.png", overwrite=True)
        with h5py.File(tmp_path / "x.h5.partial", "r+") as file:
            del file["sample_mark"]
            file["sample_mark"] = spoiled
        with pytest.raises(FileFormatError, match="is broken"):
            run(images, tmp_path / "x.h5")


HOSTILE = {
    "external link": lambda file: file.update(sample_mark=h5py.ExternalLink("y.h5", "/x")),
    "soft link": lambda file: file.update(sample_mark=h5py.SoftLink("/sample_id")),
    "in chunks": lambda file: file.create_dataset(
        "sample_mark", data=file["kept"][:], chunks=(2,), compression=9
    ),
    "of many": lambda file: file.create_dataset(
        "sample_mark", data=np.zeros(2**20, np.uint64), chunks=(2**18,), compression=9
    ),
    "in another file": lambda file: file.create_dataset(
        "sample_mark", (5,), np.uint64, external=[("y.raw", 0, 40)]
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_sample_digests_that_no_extraction_writes_are_refused(tmp_path, images, kind):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    repaired(images / "3.png", 3)
    with h5py.File(tmp_path / "x.h5.partial", "r+") as file:
        file.move("sample_mark", "kept")
        HOSTILE[kind](file)
    with pytest.raises(FileFormatError, match="is broken"):
        run(images, tmp_path / "x.h5")


def test_an_unfinished_file_whose_samples_are_not_its_own_is_no_reason_to_start_anew(
    tmp_path, images
):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    with h5py.File(tmp_path / "x.h5.partial", "r+") as file:
        del file["sample_id"]
        write_strings(file, "sample_id", ("0.png", "1.png", "2.png", "3.png", "other.png"))
        seal(file)
    with pytest.raises(FileFormatError, match="its samples do not match"):
        run(images, tmp_path / "x.h5")


def test_an_unfinished_file_without_sample_digests_is_resumed_if_nothing_changed(tmp_path, images):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    with h5py.File(tmp_path / "x.h5.partial", "r+") as file:
        del file["sample_mark"]
        seal(file)
    assert "2 of 5 samples are kept" in stopped_at(images, tmp_path / "x.h5", r"3\.png")
    with h5py.File(tmp_path / "x.h5.partial") as file:
        assert "sample_mark" not in file, "it was made anew"
    repaired(images / "3.png", 3)
    with pytest.raises(StaleFileError, match="made with data "):
        run(images, tmp_path / "x.h5")


def test_a_dry_run_over_a_repaired_image_writes_nothing(tmp_path, images):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    repaired(images / "3.png", 3)
    before = (tmp_path / "x.h5.partial").read_bytes()
    assert run(images, tmp_path / "x.h5", dry_run=True).resumed_from == 2
    assert (tmp_path / "x.h5.partial").read_bytes() == before
    assert run(images, tmp_path / "x.h5").resumed_from == 2


def test_new_sample_digests_are_written_in_place_and_nothing_else_moves(tmp_path, images):
    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png")
    partial = tmp_path / "x.h5.partial"
    before = np.frombuffer(partial.read_bytes(), np.uint8)
    with h5py.File(partial, "r+") as file:
        digests = file["sample_mark"][:]
        digests[3:] += np.uint64(2**63 + 1)
        place, size = file["sample_mark"].id.get_offset(), digests.nbytes
        sample_digests.renew(file, digests)
    after = np.frombuffer(partial.read_bytes(), np.uint8)
    changed = np.flatnonzero(before != after)
    assert changed.size
    assert place + 24 <= changed.min() <= changed.max() < place + size


@pytest.mark.parametrize("sparse", [(), ("out",)])
@pytest.mark.parametrize("refused", [(partial_file, "try_space"), (shutil, "copyfile")])
def test_no_space_for_the_second_copy_keeps_all_rows(
    tmp_path, images, monkeypatch, refused, sparse
):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space")

    broken(images / "3.png")
    stopped_at(images, tmp_path / "x.h5", r"3\.png", sparse=sparse)
    repaired(images / "3.png", 3)
    monkeypatch.setattr(*refused, full)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        run(images, tmp_path / "x.h5", sparse=sparse)
    assert "5 of 5 samples are kept" in caught.value.__notes__[0]
    monkeypatch.undo()
    assert not (tmp_path / "x.h5.partial.new").exists()
    assert run(images, tmp_path / "x.h5", sparse=sparse).resumed_from == 5
    run(images, tmp_path / "whole.h5", sparse=sparse)
    assert_equal(tmp_path / "x.h5", tmp_path / "whole.h5")


STEPS = {
    "digests": (sample_digests, "renew", 1),
    "flush": (h5py.File, "flush", 5),
    "sync": (os, "fsync", 6),
    "rows": (h5py.AttributeManager, "modify", 2),
    "copy": (shutil, "copyfile", 2),
    "fingerprint": (sample_digests, "renew_fingerprint", 1),
    "rename": (os, "replace", 3),
}
"""What is done after an image was repaired, and how often at most."""


@pytest.mark.slow
@pytest.mark.parametrize("sparse", [(), ("out",)])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("before", [True, False])
def test_an_interruption_after_an_image_was_repaired_loses_nothing(
    tmp_path, images, monkeypatch, step, before, sparse
):
    owner, name, most = STEPS[step]
    original = getattr(owner, name)
    run_whole = functools.partial(run, images, sparse=sparse)
    broken(images / "3.png")
    stopped_at(images, tmp_path / "first.h5", r"3\.png", sparse=sparse)
    repaired(images / "3.png", 3)
    run_whole(tmp_path / "whole.h5")
    for number in range(1, most + 1):
        path = tmp_path / str(number) / "x.h5"
        path.parent.mkdir()
        for each in tmp_path.glob("first.h5*"):
            shutil.copy(each, path.with_name(each.name.replace("first", "x")))
        calls = itertools.count(1)

        def interrupted(*arguments, calls=calls, number=number):
            now = next(calls) == number
            if now and before:
                raise KeyboardInterrupt
            result = original(*arguments)
            if now:
                raise KeyboardInterrupt
            return result

        monkeypatch.setattr(owner, name, interrupted)
        with contextlib.suppress(KeyboardInterrupt):
            run_whole(path)
        monkeypatch.undo()
        assert run_whole(path).resumed_from >= 2
        assert_equal(path, tmp_path / "whole.h5")
        assert os.listdir(path.parent) == ["x.h5"]
