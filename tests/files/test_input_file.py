"""What a user names as an input is a path, or is refused."""

import h5py
import numpy as np
import pytest

from invert_core import read_evidence, read_run
from invert_core.activations import open_activations
from invert_core.errors import FileFormatError, MissingFileError, SettingError
from invert_core.files.input_file import input_path


@pytest.mark.parametrize("read", [input_path, read_run, read_evidence, open_activations])
@pytest.mark.parametrize("named", [None, 3, b"run", ["run"]], ids=repr)
def test_what_is_no_path_is_refused(read, named):
    with pytest.raises(SettingError) as caught:
        read(named)
    assert caught.value.message == f"A path cannot be {named!r}."
    assert caught.value.hint == "Give the path of a file or folder as text, or a Path."


@pytest.mark.parametrize("read", [input_path, read_run, read_evidence])
def test_a_path_that_no_system_can_look_up_is_refused(read):
    with pytest.raises(MissingFileError, match=r"'a\\x00b' is no path that") as caught:
        read("a\0b")
    assert caught.value.hint == "Check the path."


@pytest.mark.parametrize("kept", [0, 100, -1])
def test_evidence_that_is_cut_off_is_said_to_be_in_one_sentence(tmp_path, kept):
    path = tmp_path / "evidence.h5"
    with h5py.File(path, "w") as file:
        file["cuts"] = np.arange(500)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FileFormatError) as caught:
        read_evidence(path)
    assert caught.value.message == f"{str(path)!r} is not a whole HDF5 file."
    assert "make it again" in caught.value.hint
