"""Arrays that are pictures are shown as pictures, and others are not."""

import io

import h5py
import numpy as np
import pytest
from PIL import Image

from invert_core.data.arrays.array_source import ArraySource
from invert_core.data.previews.array_pictures import channel_axis
from invert_core.data.previews.shown_samples import shown_samples

IDS = [f"s{number}" for number in range(6)]


def pixels(made):
    assert set(made.mime) <= {"", "image/png"}
    return [one and np.asarray(Image.open(io.BytesIO(one))).tolist() for one in made.picture]


def digits(shape=(6, 1, 8, 8), top=16):
    """Pictures of which the first has the largest value of all, and the last the smallest."""
    values = np.random.default_rng(0).integers(1, top, shape)
    values[0].reshape(-1)[5] = top
    values[-1].reshape(-1)[7] = 0
    return values


def saved(folder, suffix, **arrays):
    place = folder / f"x{suffix}"
    if suffix == ".npy":
        np.save(place, arrays["image"])
    elif suffix == ".npz":
        np.savez(place, **arrays)
    elif suffix == ".safetensors":
        pytest.importorskip("safetensors.numpy").save_file(arrays, place)
    else:
        with h5py.File(place, "w") as file:
            for name, values in arrays.items():
                file[name] = values
    return {"kind": "arrays", "path": str(place)}


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5", ".safetensors"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_the_samples_shown_go_from_black_to_white(tmp_path, suffix, dtype):
    values = digits()
    source = saved(tmp_path, suffix, image=values.astype(dtype))
    made = shown_samples(dict.fromkeys((0, 2, 5), ""), source)
    expected = np.rint(values[[0, 2, 5], 0] * (255 / 16))
    assert np.abs(np.array(pixels(made)) - expected).max() <= 1
    assert made.missing == ""


@pytest.mark.parametrize("n_channels", [1, 3, 4])
@pytest.mark.parametrize("is_last", [True, False])
def test_channels_may_come_first_or_last(tmp_path, n_channels, is_last):
    values = digits((6, n_channels, 8, 9))
    given = np.moveaxis(values, 1, 3) if is_last else values
    source = saved(tmp_path, ".npy", image=given)
    found = np.array(pixels(shown_samples({0: "", 5: ""}, source)))
    expected = np.moveaxis(values[[0, 5], :3], 1, 3) if n_channels > 1 else values[[0, 5], 0]
    low, high = values[[0, 5]].min(), values[[0, 5]].max()
    assert np.abs(found - 255 * (expected - low) / (high - low)).max() <= 1


def test_samples_with_ids_are_found_by_them(tmp_path):
    values = digits()
    order = [3, 1, 0, 2, 4, 5]
    ids = np.array(IDS)[order]
    shown = {0: "s0", 2: "s2", 5: "s5", 7: "s7"}
    for suffix, of_ids in ((".npz", ids), (".h5", ids.astype("S"))):
        source = saved(tmp_path, suffix, image=values[order], sample_id=of_ids)
        made = shown_samples(shown, source)
        assert np.abs(np.array(pixels(made)[:3]) - values[[0, 2, 5], 0] * 255 / 16).max() <= 1
        assert made.picture[3] == b""
        assert "1 of 4 samples has no picture" in made.missing
        assert "1 missing ('s7')" in made.missing


def test_infinite_values_and_nan_are_white_and_black(tmp_path):
    values = np.ones((2, 1, 4, 4))
    values[0, 0, 0] = [np.nan, np.inf, -np.inf, 3]
    made = shown_samples({0: "", 1: ""}, saved(tmp_path, ".npy", image=values))
    assert pixels(made)[0][0] == [0, 255, 0, 255]
    assert not np.any(pixels(made)[1])


@pytest.mark.parametrize(("value", "shade"), [(7.0, 0), (np.nan, 0), (-np.inf, 0), (np.inf, 255)])
def test_equal_values_are_black_unless_they_are_infinite(tmp_path, value, shade):
    source = saved(tmp_path, ".npy", image=np.full((2, 4, 4, 3), value))
    assert np.all(np.array(pixels(shown_samples({0: "", 1: ""}, source))) == shade)


def test_large_arrays_are_made_smaller(tmp_path):
    source = saved(tmp_path, ".npy", image=digits((6, 3, 200, 100), 255))
    made = shown_samples({0: "", 4: ""}, source)
    assert made.mime == ("image/webp",) * 2
    assert Image.open(io.BytesIO(made.picture[0])).size == (32, 64)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((1, 4, 4), 0),
        ((3, 1024, 1024), 0),
        ((4, 4, 1), 2),
        ((4, 8, 4), 0),  # either would do; channels first
        ((3, 1025, 8), None),
        ((3, 3, 8), None),
        ((2, 8, 8), None),
        ((8, 8), None),
        ((8,), None),
        ((1, 1, 8, 8), None),
        ((), None),
    ],
)
def test_what_is_a_picture(shape, axis):
    assert channel_axis(shape) == axis


def test_arrays_that_are_no_pictures_and_several_are_said(tmp_path):
    source = saved(tmp_path, ".npy", image=np.zeros((6, 16, 3)))
    assert "no array holds pictures in" in shown_samples({0: ""}, source).missing
    source = saved(tmp_path, ".npz", one=digits(), two=digits())
    assert "several arrays hold pictures in" in shown_samples({0: ""}, source).missing
    source = saved(tmp_path, ".npz", image=digits(), mask=np.zeros((6, 16)))
    assert shown_samples({0: ""}, source).picture
    source = saved(tmp_path, ".npy", image=np.full((6, 3, 8, 8), "x"))
    assert shown_samples({0: ""}, source).picture is None


def test_another_number_of_samples_is_said(tmp_path):
    source = saved(tmp_path, ".npy", image=digits()) | {"n_samples": "7"}
    made = shown_samples({0: ""}, source)
    assert made.picture is None
    assert "holds 6 samples, but activations were extracted from 7" in made.missing


def test_samples_that_have_changed_are_missing(tmp_path):
    values = digits()
    given = ArraySource({"input of the model": values})
    marks = dict(enumerate(given.sample_digests.tolist()))
    source = saved(tmp_path, ".npy", image=values)
    shown = dict.fromkeys(range(6), "")
    assert shown_samples(shown, source, marks=marks).missing == ""
    values[2] += 1
    made = shown_samples(shown, saved(tmp_path, ".npy", image=values), marks=marks)
    assert [bool(one) for one in made.picture] == [True, True, False, True, True, True]
    assert "1 changed since the extraction (row 2)" in made.missing
    # A row more at the beginning, and one less at the end.
    moved = np.concatenate([values[:1], values[:-1]])
    made = shown_samples(shown, saved(tmp_path, ".npy", image=moved), marks=marks)
    assert made.picture is None
    assert "6 changed since the extraction (row 0, row 1, row 2 and 3 more)" in made.missing


def test_more_ids_than_samples_are_no_error(tmp_path):
    source = saved(tmp_path, ".h5", image=digits(), sample_id=np.array([*IDS, "s6"], "S"))
    made = shown_samples({0: "s0", 6: "s6"}, source)
    assert [bool(one) for one in made.picture] == [True, False]
