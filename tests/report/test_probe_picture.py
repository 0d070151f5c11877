"""The picture of a probe."""

import sys
from xml.etree import ElementTree

import numpy as np
import pytest
import scipy.sparse

from invert_core import Activations, ConceptSet, probe
from invert_core.errors import (
    DataError,
    ExistingOutputError,
    MissingDependencyError,
    MissingFileError,
    SettingError,
)
from invert_core.report.probe_picture import write_picture
from tests.needs import need

matplotlib = need("matplotlib")

SAMPLES = 60
IDS = [f"s{number}" for number in range(SAMPLES)]


def activations(n_units=5):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(SAMPLES, n_units))
    values[: SAMPLES // 3, 1] += 3
    return values


def concepts(name="mark"):
    return ConceptSet.from_arrays(
        (np.arange(SAMPLES) < SAMPLES // 3)[:, None], ["mark"], [name], sample_id=IDS
    )


def drawn(path, values, found=None, n_units=1, **settings):
    found = probe(values, concepts(), "mark") if found is None else found
    write_picture(path, found, values, n_units=n_units, **settings)
    return path.read_bytes()


def texts(svg: bytes) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_picture_tells_the_formula_the_best_units_and_how_many_are_significant(tmp_path):
    shown = texts(drawn(tmp_path / "p.svg", activations(), n_units=3))
    assert "mark" in shown
    assert {"significant (1)", "not significant (4)", "inside (20)", "outside (40)"} <= set(shown)
    titles = [text for text in shown if text.startswith("activations:")]
    assert len(titles) == 3
    assert titles[0].startswith("activations:1, AUC 0.")
    assert titles[0].endswith(", significant")
    assert titles[1].endswith(", not significant")


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_the_same_result_gives_the_same_bytes(tmp_path, suffix):
    values = activations()
    first = drawn(tmp_path / f"one.{suffix}", values)
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red"}):
        assert drawn(tmp_path / f"two.{suffix}", values) == first


def test_untrusted_names_are_shown_as_they_are(tmp_path):
    name = "$x_1$ <b> %d {y} 犬\u202e"
    values = Activations.from_array({name: activations()}, IDS)
    found = probe(values, concepts("mark: <i>&amp; $\\frac{$ \x08"), "mark")
    shown = texts(drawn(tmp_path / "p.svg", values, found))
    assert any(text.startswith("$x_1$ <b> %d {y} 犬\\u202e:1, AUC") for text in shown)
    assert any("mark: <i>&amp; $\\\\frac{$ \\b" in text for text in shown)


@pytest.mark.slow
@pytest.mark.parametrize("letter", ["i", "W", "犬", "\x1b"])
def test_long_names_are_cut_so_that_the_axes_stay_and_what_follows_is_seen(tmp_path, letter):
    def axes_and_texts(name):
        values = Activations.from_array({name: activations()}, IDS)
        found = probe(values, concepts(name), "mark")
        svg = drawn(tmp_path / "p.svg", values, found, n_units=3, overwrite=True)
        return edges_of_axes(svg), texts(svg)

    edges, shown = axes_and_texts(letter * 3000)
    assert edges == pytest.approx(axes_and_texts("x")[0], abs=1)
    cut = [text for text in shown if "…" in text]
    assert len(cut) == 4
    assert all(len(text) < 150 for text in cut)
    units = [name[-2:] for name, found, _ in (text.partition(", AUC 0.") for text in cut) if found]
    assert units == [":1", ":3", ":2"]


def edges_of_axes(svg: bytes) -> list[float]:
    """Left and right of each axes."""
    edges = []
    for group in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):
        if group.get("id", "").startswith("axes_"):
            corners = [float(word) for word in group[0][0].get("d").split()[1::3]]
            edges += [min(corners), max(corners)]
    return edges


@pytest.mark.slow
def test_a_picture_is_as_high_as_its_units_need(tmp_path):
    svg = drawn(tmp_path / "p.svg", activations(25), n_units=20)
    assert len([text for text in texts(svg) if ", AUC 0." in text]) == 20


def test_a_name_that_is_broken_tex_can_be_drawn_as_pixels(tmp_path):
    values = activations()
    assert drawn(tmp_path / "p.png", values, probe(values, concepts("$\\frac{$"), "mark"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.where(np.arange(SAMPLES) % 7 == 0, np.inf, np.arange(SAMPLES) % 5), "9 infinite"),
        (np.where(np.arange(SAMPLES) % 2 == 0, np.inf, -np.inf), "60 infinite"),
        (np.arange(SAMPLES) * 3e306, "infinite or huge"),
        (1 + (np.arange(SAMPLES) % 3) * np.finfo(np.float64).eps, "activation"),
        ((np.arange(SAMPLES) % 3) * 5e-324, "activation"),
        (np.where(np.arange(SAMPLES) == 5, np.inf, 1e20), "1 infinite or huge value not"),
    ],
    ids=["some infinite", "all infinite", "huge", "adjacent", "subnormal", "one value"],
)
def test_values_that_no_axis_holds_are_left_out_and_counted(tmp_path, values, words):
    shown = texts(drawn(tmp_path / "p.svg", values[:, None].astype(np.float64)))
    assert any(words in text for text in shown)


def test_the_units_are_read_on_the_samples_that_were_compared(tmp_path):
    values = activations()
    expected = drawn(tmp_path / "expected.svg", values)
    order = np.random.default_rng(1).permutation(SAMPLES)
    more = np.concatenate([np.full((4, 5), 9.0), values[order]])
    ids = ["w", "x", "y", "z"] + [IDS[row] for row in order]
    others = Activations.from_array({"activations": more}, ids)
    found = probe(others, concepts(), "mark", join="inner")
    assert drawn(tmp_path / "inner.svg", others, found) == expected


def test_samples_on_which_the_formula_is_not_defined_are_not_drawn(tmp_path):
    values = activations()
    table = (np.arange(SAMPLES) < SAMPLES // 3).astype(np.float64)
    table[::2] = np.nan
    found = probe(
        values, ConceptSet.from_arrays(table[:, None], ["mark"]), "mark", missing="exclude"
    )
    assert {"inside (10)", "outside (20)"} <= set(texts(drawn(tmp_path / "p.svg", values, found)))


def test_sparse_activations_are_drawn_like_dense_ones(tmp_path):
    values = np.where(activations() < 0.5, 0.0, activations())
    sparse = scipy.sparse.csc_array(values)
    assert drawn(tmp_path / "s.svg", sparse) == drawn(tmp_path / "d.svg", values)


def test_dead_units_are_counted_and_not_drawn(tmp_path):
    values = np.ones((SAMPLES, 3))
    values[:, 2] = np.arange(SAMPLES)
    shown = texts(drawn(tmp_path / "p.svg", values, n_units=3))
    assert {"significant (1)", "not significant (2)"} <= set(shown)
    assert [text for text in shown if ", AUC" in text] == ["activations:2, AUC 0.0000, significant"]
    dead = texts(drawn(tmp_path / "d.svg", values[:, :2]))
    assert "not significant (2)" in dead
    assert not any(", AUC" in text for text in dead)


@pytest.mark.slow
def test_many_units_make_no_large_file(tmp_path):
    values = np.random.default_rng(3).normal(size=(SAMPLES, 20_000)).astype(np.float32)
    assert len(drawn(tmp_path / "p.svg", values)) < 300_000


def test_other_activations_than_those_probed_are_refused(tmp_path):
    values = activations()
    found = probe(values, concepts(), "mark")
    for other, words in (
        (values[:-1], "do not have the samples"),
        (Activations.from_array({"fc": values}), "no unit 'activations:1'"),
        (values[:, :1], "no unit 'activations:1'"),
        (
            Activations.from_array({"activations": values}, [f"x{id}" for id in IDS]),
            "do not have the samples",
        ),
    ):
        with pytest.raises(DataError, match=words):
            write_picture(tmp_path / "p.svg", found, other)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    values = activations()
    found = probe(values, concepts(), "mark")
    (tmp_path / "there.svg").write_text("mine")
    with pytest.raises(ExistingOutputError):
        write_picture(tmp_path / "there.svg", found, values)
    with pytest.raises(SettingError, match=r"neither \.svg nor \.png"):
        write_picture(tmp_path / "p.pdf", found, values)
    with pytest.raises(MissingFileError):
        write_picture(tmp_path / "no" / "p.svg", found, values)
    for n_units in (0, -1, 21, 1.5, "3", None):
        with pytest.raises(SettingError, match="Give 1 to 20"):
            write_picture(tmp_path / "p.svg", found, values, n_units=n_units)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "invert-core\[plot\]"'):
        write_picture(tmp_path / "p.svg", found, values)
    assert [path.name for path in tmp_path.iterdir()] == ["there.svg"]
    assert (tmp_path / "there.svg").read_text() == "mine"


def test_matplotlib_that_cannot_be_loaded_is_told_from_one_that_is_not_there(tmp_path, monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "matplotlib.figure":
                raise ValueError("Key backend: 'foo' is not a valid value\nfor backend")

    found = probe(activations(), concepts(), "mark")
    monkeypatch.delitem(sys.modules, "matplotlib.figure")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(
        MissingDependencyError, match=r"cannot be loaded \(Key backend: 'foo'"
    ) as error:
        write_picture(tmp_path / "p.svg", found, activations())
    assert "Repair its installation" in error.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_replaced_on_request(tmp_path):
    values = activations()
    (tmp_path / "p.svg").write_text("old")
    assert drawn(tmp_path / "p.svg", values, overwrite=True).startswith(b"<?xml")


def test_no_window_system_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    assert drawn(tmp_path / "p.png", activations())
