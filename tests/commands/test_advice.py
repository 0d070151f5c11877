"""Options that need a person, options given twice, and advice that the command can follow."""

import os

import pytest

from invert_core.models.built_in import BUILT_IN
from tests.command_line import invert, options_of_commands, process, refused, sentence, tree

TYPED_ONLY = ("--overwrite", "--follow-links", "--trust-model")


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (command, option)
        for command, options in sorted(options_of_commands().items())
        for option in TYPED_ONLY
        if option in options
    ],
)
def test_a_config_file_drops_no_protection(here, command, option):
    (here / "c.toml").write_text(f"{option[2:]} = true\n")
    backend = ("--backend", "torch") if option == "--trust-model" else ()
    error = refused(*command.split(), "a.h5", *backend, "--config", "c.toml", code=2)
    assert f"'{option[2:]}' drops a protection, so it is for the command line only" in error
    assert f"type {option} if you mean it" in error


def test_what_a_config_file_cannot_give_is_declared_at_the_option():
    options = [option for entry in BUILT_IN.values() for option in entry.options]
    assert [each.flag for each in options if each.typed_only] == ["--trust-model"]


def test_a_config_file_may_keep_a_protection(run):
    (run.parent / "c.toml").write_text("overwrite = false\n")
    invert("export", "run", "-o", "x.csv", "--config", "c.toml")


def test_a_pickle_runs_nothing_because_of_a_config_file(here):
    torch = pytest.importorskip("torch")

    class Touch:
        def __reduce__(self):
            return open, (str(here / "TOUCHED"), "w")

    torch.save(Touch(), here / "model.pt")
    (here / "c.toml").write_text("trust-model = true\n")
    error = refused("layers", "model.pt", "--config", "c.toml", code=2)
    assert "type --trust-model if you mean it" in error
    assert "TOUCHED" not in tree(here)


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (command, option)
        for command, options in sorted(options_of_commands().items())
        for option in ("--formula", "--format", "--jobs", "--output", "--top", "--units")
        if option in options
    ],
)
def test_an_option_with_one_value_is_not_given_twice(here, command, option):
    error = refused(*command.split(), "a.h5", option, "1", option, "2", code=2)
    assert f"{option} is given twice, but takes one value. Give it once." in error


def test_help_is_shown_whatever_is_given_twice(here):
    shown = invert("score", "--formula", "a", "--formula", "b", "--help").stdout
    assert "Usage: invert score" in shown


def test_an_option_that_may_be_repeated_is_repeated(run):
    invert("score", "activations.npz", "concepts.csv", "--formula", "a", "-l", "fc", "-l", "f*")
    error = refused(
        "score", "activations.npz", "concepts.csv", "--formula", "a", "--formula", "b", code=2
    )
    assert "--formula is given twice" in error


def test_advice_about_an_option_of_another_command_says_of_which(inputs):
    (inputs / "odd.jsonl").write_text('{"sample_id": 1.5, "concepts": ["a"]}\n')
    error = refused("label", "activations.npz", "odd.jsonl", "-o", "run")
    assert "name their column with --id-column. --id-column is an option of 'invert " in error
    error = refused("concepts", "build", "odd.jsonl", "-o", "x.h5")
    assert error.endswith("name their column with --id-column.")


@pytest.mark.parametrize("value", ["0", "-1"])
def test_a_setting_of_numba_that_is_wrong_is_a_sentence(inputs, value):
    done = process(
        "score",
        "activations.npz",
        "concepts.csv",
        "--formula",
        "a",
        env=os.environ | {"NUMBA_NUM_THREADS": value},
    )
    assert "environment variables whose names begin with NUMBA_" in sentence(
        done.returncode, done.stderr
    )
