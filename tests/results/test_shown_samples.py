"""What evidence.h5 holds to look at: names of concepts, samples, and where they came from."""

import h5py
import numpy as np
import pytest

from invert_core import Activations, Settings, read_evidence
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.data.previews.shown import ShownSamples
from invert_core.errors import FileFormatError
from invert_core.files.hdf5_checksums import seal, write_strings
from invert_core.labelling.alike_records import write_whole_evidence
from invert_core.labelling.evidence_recorder import about_evidence
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label_workload
from tests.results.test_impossible_evidence import GOLDEN, resealed

N_SAMPLES = 6
SOURCE = {"kind": "images", "path": "/pictures", "root": "/"}
KNOWN = SOURCE | {"manifest": "all", "n_samples": "6"}
MARKS = np.array([2**64 - 1, 0, 1, 2, 3, 4], np.uint64)
PICTURES = ShownSamples(
    picture=(b"one", b"", b"three", b"GCOL\x01", b"5", bytes(300)),
    mime=("image/webp", "", "image/png", "image/webp", "image/png", "image/png"),
    missing="One of 6 samples has no picture.",
)
TEXTS = ShownSamples(text=("a", "", "<b>", "\N{RIGHT-TO-LEFT OVERRIDE}", "\x01\n", "é…"))


@pytest.fixture
def write(tmp_path):
    """Write evidence.h5 of a labelling of six samples, all of which are shown."""
    marks = np.arange(N_SAMPLES)[:, None] < [3, 2]
    concepts = ConceptSet.from_arrays(marks, ["c1", "c2"], ["dog", "dog"], ["a pet", ""])
    layer = np.arange(2.0 * N_SAMPLES).reshape(N_SAMPLES, 2)
    activations = Activations.from_array(layer, [f"s{number}" for number in range(N_SAMPLES)])
    activations = Activations(
        activations.layers,
        activations.sample_id,
        source=SOURCE,
        extraction={"data": "all"},
        sample_mark=MARKS,
    )
    settings = Settings(length=1, permutations=0, min_fraction=0.1)

    def written(samples):
        with Inputs(activations, concepts).open() as work:
            tables = list(label_workload(work, settings, keeps_evidence=True))
            about = about_evidence(work, settings, {"activations": {"sha256": "0"}}, "1")
        parts = [table.evidence for table in tables]
        write_whole_evidence(tmp_path, parts, 1, about, samples)
        return tmp_path / "evidence.h5"

    return written


@pytest.mark.parametrize("samples", [PICTURES, TEXTS, ShownSamples(missing="Why."), ShownSamples()])
def test_what_is_written_of_the_samples_is_read_again(write, samples):
    asked = []
    found = read_evidence(write(lambda *given: asked.append(given) or samples))
    assert asked == [(found.shown, KNOWN, found.shown_mark)]
    assert list(found.shown) == list(range(N_SAMPLES))
    assert found.shown_text == samples.text
    assert found.shown_picture == samples.picture
    assert found.shown_mime == samples.mime
    assert found.shown_missing == samples.missing
    assert found.source == KNOWN
    assert list(found.shown_mark.values()) == MARKS.tolist()


def test_concepts_are_named_and_defined(write):
    found = read_evidence(write(lambda *_: ShownSamples()))
    assert found.concept == ("c1", "c2")
    assert found.concept_name == ("dog", "dog")
    assert found.concept_definition == ("a pet", "")


def test_a_file_of_an_earlier_version_shows_ids_and_says_why_there_is_no_more():
    found = read_evidence(GOLDEN)
    assert found.concept_name == found.concept == ("bird",)
    assert found.concept_definition == ("",)
    assert found.shown_text is found.shown_picture is found.shown_mime is None
    assert "an earlier version" in found.shown_missing
    assert found.source == {}
    assert found.shown_mark is None


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("shown_size", lambda sizes: sizes[:-1], "/shown_size has 5 entries"),
        ("shown_size", lambda sizes: sizes + np.uint32(1), "does not add up to the bytes"),
        ("shown_size", lambda sizes: sizes.astype(np.int64), "/shown_size has type int64"),
        ("shown_size", lambda sizes: sizes + np.uint32(2**31), "does not add up to the bytes"),
        ("shown_picture", lambda content: content[None], "/shown_picture has type uint8 and shape"),
        ("shown_picture", lambda content: content[:-1], "does not add up to the bytes"),
        ("shown_picture", None, "/shown_picture is missing"),
        ("shown_size", None, "/shown_size is missing"),
        ("shown_mime", None, "/shown_mime is missing"),
        ("shown_mark", lambda marks: marks[:-1], "/shown_mark has 5 entries"),
        ("shown_mark", lambda marks: marks.astype(np.int64), "/shown_mark has type int64"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(write, name, changed, message):
    path = write(lambda *_: PICTURES)
    resealed(path, name, changed)
    with pytest.raises(FileFormatError, match=message):
        read_evidence(path)


@pytest.mark.parametrize(
    ("name", "strings", "message"),
    [
        ("shown_mime", ("text/html", *PICTURES.mime[1:]), "/shown_mime holds 'text/html' for"),
        ("shown_mime", ("", *PICTURES.mime[1:]), "/shown_mime holds '' for a picture of 3 bytes"),
        ("shown_mime", ("image/png",) * 6, "holds 'image/png' for a picture of 0 bytes"),
        ("shown_mime", PICTURES.mime[1:], "/shown_mime has 5 entries"),
        ("shown_text", ("a",), "/shown_text has 1 entries"),
        ("concept_name", ("a",), "/concept_name has 1 entries, not 2"),
        ("concept_definition", ("a",), "/concept_definition has 1 entries, not 2"),
    ],
)
def test_strings_that_do_not_fit_together_are_refused(write, name, strings, message):
    path = write(lambda *_: PICTURES)
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        write_strings(file, name, strings)
        seal(file)
    with pytest.raises(FileFormatError, match=message):
        read_evidence(path)


def test_a_sentence_that_is_no_text_is_refused(write):
    path = write(lambda *_: TEXTS)
    with h5py.File(path, "r+") as file:
        file.attrs["shown_missing"] = 7
        seal(file)
    with pytest.raises(FileFormatError, match="its attribute shown_missing is no text"):
        read_evidence(path)


def test_a_damaged_picture_is_refused(write):
    path = write(lambda *_: PICTURES)
    with h5py.File(path, "r+") as file:
        file["shown_picture"][0] += 1
    with pytest.raises(FileFormatError, match="/shown_picture does not match its checksum"):
        read_evidence(path)


def test_a_file_with_samples_of_the_first_version_is_read():
    found = read_evidence(GOLDEN.with_name("evidence_v1_shown.h5"))
    assert (found.concept, found.concept_name) == (("n1",), ("bird",))
    assert found.concept_definition == ("it flies",)
    assert found.shown == {0: "s0", 1: "s1", 2: "s2"}
    assert found.shown_picture == (b"first", b"", b"third")
    assert found.shown_mime == ("image/png", "", "image/webp")
    assert found.shown_text is None
    assert found.shown_missing.startswith("1 of 3 samples has no picture")
    assert found.shown_mark == {0: 1, 1: 2, 2: 2**64 - 1}
    assert found.source == {
        "kind": "images",
        "path": "/pictures",
        "manifest": "0123",
        "n_samples": "3",
    }
