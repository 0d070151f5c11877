"""The page of a run: what is written where, what it may replace, and how large it becomes."""

import base64
import gzip
import hashlib
import io
import json
import re
from importlib import resources

import h5py
import numpy as np
import pytest
from PIL import Image

from invert_core import Settings, label_files, write_report
from invert_core.errors import ExistingOutputError, FileFormatError, MissingFileError, SettingError
from invert_core.files.hdf5_checksums import seal, write_strings
from invert_core.files.json_digest import with_digest
from invert_core.report.html_report import SCRIPTS

PART = re.compile(r'<script type="(text/plain|application/json)" id="(\w+)">([^<]*)</script>')


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run whose samples are pictures of 8 x 8 pixels."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(3)
    samples = [f"s{number}" for number in range(60)]
    np.savez("data.npz", sample_id=samples, x=rng.random((60, 1, 8, 8), np.float32))
    np.savez("a.npz", sample_id=samples, layer=rng.normal(size=(60, 5)).astype(np.float32))
    labels = rng.random((60, 4)) < 0.3
    np.savez("c.npz", sample_id=samples, labels=labels, id=["a", "b", "</script>", "@@JS@@"])
    settings = Settings(length=2, permutations=20, min_fraction=0.05)
    label_files("a.npz", "c.npz", "run", settings=settings, samples="data.npz")
    return tmp_path / "run"


def parts(page):
    found = {}
    for kind, key, content in PART.findall(page.read_text("utf-8")):
        packed = kind == "text/plain"
        found[key] = json.loads(gzip.decompress(base64.b64decode(content)) if packed else content)
    return found


def test_the_page_holds_all_its_parts_and_may_run_its_own_script_only(run):
    page = write_report(run)
    assert page == run / "report.html"
    found = parts(page)
    assert set(found) == {"head", "concepts", "units", "b0", "s0", "p0", "d0"}
    assert found["head"]["title"] == "run"
    assert found["head"]["shown"] == "picture"
    assert len(found["p0"]) == len(found["s0"]["id"])
    assert all(one.startswith("data:image/png;base64,") for one in found["p0"])
    text = page.read_text("utf-8")
    script = text[text.index('<script type="module">') + 22 : text.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    style = text[text.index("<style>") + 7 : text.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text
    assert "@@" not in text.replace(found["concepts"]["id"][3], "")


def test_nothing_in_the_data_ends_an_element_or_takes_a_place_in_the_template(run):
    page = write_report(run, title="</title><script>alert(1)</script> @@DATA@@")
    text = page.read_text("utf-8")
    assert text.count("<script>") == 0
    assert "&lt;/title&gt;&lt;script&gt;" in text
    assert parts(page)["concepts"]["id"] == ["a", "b", "</script>", "@@JS@@"]
    assert text.count("</script>") == text.count("<script ")


def test_the_same_run_gives_the_same_page(run):
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_an_earlier_report_is_replaced_and_nothing_else(run):
    write_report(run, "page.html", title="one")
    write_report(run, "page.html", title="two")
    assert parts(run.parent / "page.html")["head"]["title"] == "two"
    for name, content in (("mine.html", "<!doctype html>\n<html>mine"), ("data.csv", "a,b")):
        other = run.parent / name
        other.write_text(content)
        with pytest.raises(ExistingOutputError, match="is not a report"):
            write_report(run, other)
        assert other.read_text() == content


def test_a_run_with_its_report_can_be_replaced_but_not_one_with_another_page(run):
    write_report(run)
    again = {"settings": Settings(length=1, permutations=0), "overwrite": True}
    label_files("a.npz", "c.npz", run, **again)
    assert not (run / "report.html").exists()
    (run / "report.html").write_text("mine")
    with pytest.raises(ExistingOutputError, match=r"report\.html"):
        label_files("a.npz", "c.npz", run, **again)


def test_pictures_are_left_out_to_keep_within_a_size_and_the_page_says_how_many(run):
    whole = write_report(run).stat().st_size
    without = write_report(run, pictures=0).stat().st_size
    assert not any(parts(run / "report.html")["p0"])
    assert parts(run / "report.html")["head"]["notes"] == []
    for space in (whole - 2_000, (whole + without) // 2 + 3_000):
        page = write_report(run, max_size=space)
        assert page.stat().st_size <= space
        n_left = sum(one is None for one in parts(page)["p0"])
        assert n_left > 0
        (note,) = parts(page)["head"]["notes"]
        assert note.startswith(f"{n_left} pictures had to be left out")


def test_charts_of_other_formulas_go_before_pictures_and_the_page_says_so(run):
    without = write_report(run, pictures=0).stat().st_size
    page = write_report(run, max_size=without + 2_400)
    notes = parts(page)["head"]["notes"]
    assert notes[0].startswith("The charts of formulas that are neither the label nor the peak")
    assert page.stat().st_size <= without + 2_400


def test_numbers_are_never_left_out(run):
    with pytest.raises(
        SettingError, match=r"without pictures, the page needs .*--units"
    ) as refused:
        write_report(run, max_size=10_000)
    enough = int(re.search(r"--max-size (\d+)kB", str(refused.value)).group(1))
    assert not (run / "report.html").exists()
    assert write_report(run, max_size=1000 * enough).exists()


def test_samples_that_moved_are_shown_and_none_if_that_is_asked_for(run):
    label_files("a.npz", "c.npz", "bare", samples="none", settings=Settings(permutations=0))
    page = write_report("bare")
    assert parts(page)["head"]["shown"] == "id"
    assert "--samples none" in parts(page)["head"]["notes"][0]
    page = write_report("bare", samples="data.npz")
    assert parts(page)["head"]["shown"] == "picture"
    assert parts(page)["head"]["notes"] == []
    page = write_report(run, samples="none")
    assert "p0" not in parts(page)
    with pytest.raises(MissingFileError, match="no file or folder 'gone'"):
        write_report(run, samples="gone")


def test_larger_pictures_come_from_the_samples_and_kept_ones_if_these_are_gone(run, caplog):
    data = np.random.default_rng(0).random((60, 1, 200, 100), np.float32)
    np.savez("large.npz", x=data, sample_id=[f"s{number}" for number in range(60)])
    page = write_report(run, samples="large.npz", picture_size=150)
    url = parts(page)["p0"][0]
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
        assert picture.size == (75, 150)
    (run.parent / "data.npz").unlink()
    assert write_report(run).stat().st_size > 0
    page = write_report(run, picture_size=100)
    assert parts(page)["head"]["shown"] == "picture"
    (note,) = parts(page)["head"]["notes"]
    assert "cannot be shown" in note
    assert note.endswith("The copies that the run keeps are shown instead.")
    assert note in caplog.messages
    for size in (31, 1025):
        with pytest.raises(SettingError, match="Choose from 32 to 1,024"):
            write_report(run, picture_size=size)


def test_rows_without_ids_are_shown_by_those_of_the_concepts_that_they_were_matched_with(run):
    with np.load("a.npz") as activations:
        np.save("layer.npy", activations["layer"])
    settings = Settings(length=1, permutations=0)
    label_files("layer.npy", "c.npz", "bare", samples="data.npz", settings=settings)
    found = parts(write_report("bare"))
    assert found["s0"]["id"] == [f"s{row}" for row in found["s0"]["row"]]
    assert found["head"]["shown"] == "picture"


def test_a_name_that_is_not_utf_8_is_spelt_out(run):
    page = write_report(run, title="a\udcff")
    assert parts(page)["head"]["title"] == "a\\udcff"
    assert "<title>a\\udcff</title>" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("settings", None),
        ("inputs", {"activations": "a.npz"}),
        ("machine", []),
        ("settings", {"min_fraction": "x"}),
        ("settings", {"min_fraction": 0.1, "quantile": float("nan")}),
    ],
)
def test_a_run_that_does_not_say_where_it_comes_from_is_refused(run, part, value):
    file = run / "run.json"
    info = json.loads(file.read_text())
    del info["sha256"]
    file.write_text(json.dumps(with_digest(info | {part: value})))
    with pytest.raises(FileFormatError, match=r"run\.json does not say what a report needs"):
        write_report(run)


@pytest.mark.parametrize(
    "choice",
    [{"pictures": -1}, {"pictures": 2.5}, {"max_size": "20MB"}, {"max_size": -1}, {"title": 5}],
)
def test_choices_that_make_no_sense_are_refused(run, choice):
    with pytest.raises(SettingError):
        write_report(run, **choice)


def test_an_empty_place_of_samples_is_not_the_current_folder(run):
    with pytest.raises(MissingFileError, match="place of the samples is empty"):
        write_report(run, samples="")


def test_a_run_without_evidence_is_told_how_to_get_some(run):
    settings = Settings(length=1, permutations=0, evidence=False)
    label_files("a.npz", "c.npz", "none", settings=settings)
    with pytest.raises(MissingFileError, match="Label again without --no-evidence"):
        write_report("none")


def test_the_template_names_every_script_there_is(run):
    scripts = (resources.files("invert_core.report") / "page").iterdir()
    assert {path.name for path in scripts if path.name.endswith(".js")} == set(SCRIPTS)


@pytest.mark.parametrize("name", ["mine.html", "sub/report.html", "../run/mine.html"])
def test_a_page_that_would_keep_the_run_from_being_replaced_is_refused(run, name):
    (run.parent / "outside.html").symlink_to(run / name)
    (run / "sub").mkdir()
    for output in (f"run/{name}", "outside.html"):
        with pytest.raises(ExistingOutputError, match="lies in the run directory") as caught:
            write_report("run", output)
        assert "leave -o out" in caught.value.hint
    (run / "sub").rmdir()
    label_files("a.npz", "c.npz", "run", settings=Settings(permutations=0), overwrite=True)


def test_a_report_that_is_a_link_is_refused_and_a_link_to_the_report_is_followed(run):
    write_report("run", "elsewhere.html")
    before = (run.parent / "elsewhere.html").read_bytes()
    (run / "report.html").symlink_to(run.parent / "elsewhere.html")
    with pytest.raises(ExistingOutputError, match="is a link") as caught:
        write_report("run", title="another")
    assert caught.value.hint.startswith("Remove it")
    assert (run.parent / "elsewhere.html").read_bytes() == before
    (run / "report.html").unlink()
    write_report("run", "run/../run/report.html")
    (run.parent / "link.html").symlink_to("run/report.html")
    write_report("run", "link.html", title="another")
    assert parts(run / "report.html")["head"]["title"] == "another"


def test_what_a_killed_report_left_in_a_run_does_not_keep_it_from_being_replaced(run):
    (run / ".report.html.eb0bdd8c.partial").write_text("half")
    label_files("a.npz", "c.npz", "run", settings=Settings(permutations=0), overwrite=True)
    assert not list(run.glob(".report*"))


def test_the_report_of_evidence_under_other_labels_is_refused(run):
    with h5py.File(run / "evidence.h5", "r+") as file:
        del file["layer"]
        write_strings(file, "layer", ("another",))
        seal(file)
    with pytest.raises(FileFormatError, match=r"row 1 is about 'layer:0' .*'another:0'"):
        write_report(run)
    assert not (run / "report.html").exists()
