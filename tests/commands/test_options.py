"""What all commands share: help, --config, --quiet, --debug, and one spelling of every option."""

import errno
import inspect
import json
import os
import re
import shlex
from dataclasses import fields

import click
import pytest

from invert_core import extract, label, probe, score
from invert_core.activations.writing.writer import DTYPES
from invert_core.commands import COMMANDS, main
from invert_core.commands.console import stdout_errors
from invert_core.concepts.sets import combining
from invert_core.concepts.sets.matching import MATCHES
from invert_core.data.images import depth, preprocess
from invert_core.data.texts import tokenizer_file
from invert_core.labelling.join import JOINS
from invert_core.models.backend import DEVICES, POOLS
from invert_core.results.export import KINDS
from invert_core.settings import ADJUSTMENTS, DIRECTIONS, SEARCHES, Settings
from tests.command_line import call, invert, process, refused, sentence

ARGUMENTS = ("label", "activations.npz", "concepts.csv", "-o", "run")


def commands():
    context = click.Context(main)
    found = {name: main.get_command(context, name) for name in COMMANDS}
    for name, command in list(found.items()):
        if isinstance(command, click.Group):
            del found[name]
            subs = command.list_commands(context)
            found |= {f"{name} {sub}": command.get_command(context, sub) for sub in subs}
    return found


ALL = commands()


def params(name):
    """All of a command, with those of the built-in backends."""
    context = click.Context(ALL[name], help_option_names=["-h", "--help"])
    return ALL[name].get_params(context)


@pytest.mark.parametrize("name", ALL)
def test_help_ends_with_an_example_that_parses(name):
    text = invert(*name.split(), "--help").stdout
    for example in re.split("Examples?: ", text)[1].split(";"):
        words = shlex.split(" ".join(example.split()))
        assert words[: 1 + len(name.split())] == ["invert", *name.split()]
        ALL[name].make_context(name, words[1 + len(name.split()) :])


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_explained(name):
    for param in params(name):
        if isinstance(param, click.Option):
            assert (param.help or "").partition("[default:")[0].strip(), param.opts


def test_an_option_is_spelled_and_means_the_same_in_all_commands():
    spelled = {}
    for name in ALL:
        for param in params(name):
            if isinstance(param, click.Option):
                for option in param.opts:
                    assert re.fullmatch(r"-[a-z]|--[a-z0-9]+(-[a-z0-9]+)*", option)
                    known = spelled.setdefault(option, (param.opts, param.is_flag, name))
                    assert known[:2] == (param.opts, param.is_flag), (option, name, known[2])
    for option in ("--layer", "--output", "--jobs", "--batch-size", "--quiet"):
        assert len(spelled[option][0]) == 2


@pytest.mark.parametrize("name", ALL)
def test_every_command_can_be_quiet_debugged_and_configured(name):
    options = {option for param in ALL[name].params for option in param.opts}
    assert {"--quiet", "--debug", "--config"} <= options


def test_quiet_leaves_results_and_errors_only(inputs):
    loud = invert(*ARGUMENTS)
    quiet = invert(*ARGUMENTS, "--overwrite", "-q")
    assert quiet.stdout == loud.stdout
    assert loud.stderr
    assert quiet.stderr == ""
    assert "'run' exists" in refused(*ARGUMENTS, "-q")


def test_quiet_is_not_remembered(inputs):
    invert(*ARGUMENTS, "-q")
    assert "in 'run'" in invert(*ARGUMENTS, "--overwrite").stderr


def test_debug_gives_the_traceback(inputs):
    done = process("label", "none.npz", "concepts.csv", "-o", "run", "--debug", cwd=inputs)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "MissingFileError: There is no file 'none.npz'" in done.stderr


def test_options_come_from_a_file_and_the_command_line_wins(inputs):
    (inputs / "label.toml").write_text(
        'length = 2\nbeam = 1\nlayer = "fc"\nunits = [0, 1]\noutput = "run"\n'
        "min-fraction = 1e-1\nquiet = true\noverwrite = false\n"
    )
    result = invert(*ARGUMENTS[:-2], "--config", "label.toml", "--beam", 2)
    assert result.stderr == ""
    info = json.loads((inputs / "run" / "run.json").read_text())
    assert (info["settings"]["length"], info["settings"]["beam"]) == (2, 2)
    assert info["settings"]["min_fraction"] == 0.1
    assert info["arguments"]["layers"] == ["fc"]
    assert info["arguments"]["units"] == [0, 1]


def test_a_file_may_list_what_may_be_repeated(inputs):
    (inputs / "label.toml").write_text('layer = ["fc", "fcc"]\n')
    assert "no layer 'fcc'" in refused(*ARGUMENTS, "--config", "label.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lenght = 3", "'lenght' is not an option of 'invert label'. Did you mean 'length'"),
        ("[label]\nlength = 3", "'label' is not an option"),
        ("length = ", "Cannot read 'label.toml' as TOML: Invalid value"),
        ("length = 2.5", "'2.5' is not a valid integer"),
        ("length = true", "length must be text, a number, or a list of these"),
        ("length = {l = 2}", "length must be text, a number, or a list of these"),
        ("overwrite = 'no'", "overwrite must be true or false"),
        ("units = [0, -1]", "'0,-1' is not of the form"),
        ("length = 0", "--length is 0"),
        ("length = " + "[" * 5000, "Cannot read 'label.toml' as TOML"),
        (r'output = "a\u0000b"', "output holds a NUL character"),
        (r'names = "a\u0000b"', "names holds a NUL character"),
        ('config = "x.toml"', "'config' is for the command line only"),
        ("help = true", "'help' is for the command line only"),
        ("units = " + "9" * 5000, "label.toml"),
    ],
)
def test_a_bad_file_of_options_is_wrong_usage(inputs, text, words):
    (inputs / "label.toml").write_text(text)
    assert words in refused(*ARGUMENTS, "--config", "label.toml", code=2)


def test_a_file_of_options_may_begin_with_a_byte_order_mark(inputs):
    (inputs / "label.toml").write_text("length = 2\n", encoding="utf-8-sig")
    invert(*ARGUMENTS, "--config", "label.toml")
    assert json.loads((inputs / "run" / "run.json").read_text())["settings"]["length"] == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--crop", "9" * 5000),
        ("--resize", "224x" + "9" * 5000),
        ("--batch-size", 10**30),
        ("--batch-size", 1_000_001),
        ("--units", "9" * 5000),
        ("--units", "0-" + "9" * 5000),
    ],
)
def test_numbers_beyond_all_use_are_wrong_usage(inputs, option, value):
    command = ARGUMENTS
    if option != "--units":
        command = ("extract", "m.onnx", "--data", "d", "-l", "fc", "-o", "x.h5")
    assert f"Invalid value for {option!r}" in refused(*command, option, value, code=2).replace(
        "'-b' / ", ""
    )


@pytest.mark.parametrize("name", ["none.toml", "folder", "latin.toml", "fifo", "/dev/zero"])
def test_a_file_of_options_that_cannot_be_read_is_wrong_usage(inputs, name):
    (inputs / "folder").mkdir()
    os.mkfifo(inputs / "fifo")
    (inputs / "latin.toml").write_bytes(b"layer = 'caf\xe9'")
    assert f"Cannot read {name!r} as TOML" in refused(*ARGUMENTS, "--config", name, code=2)


def test_a_file_of_options_that_the_system_refuses_is_not_taken_for_stdout(inputs):
    name = "x" * 300 + ".toml"
    error = refused(*ARGUMENTS, "--config", name, code=2)
    assert error.endswith(f"Cannot read {name!r} as TOML: File name too long.")


@pytest.mark.parametrize("given", ["--help", "--version"])
def test_help_that_cannot_be_printed_is_an_error_of_stdout(here, given):
    words = ("label", given) if given == "--help" else (given,)
    with open("/dev/full", "w") as full:
        done = process(*words, cwd=here, capture_output=False, stdout=full, stderr=-1)
    assert "Cannot write to stdout" in sentence(done.returncode, done.stderr)


def test_an_error_about_a_file_is_not_taken_for_one_of_stdout():
    with pytest.raises(PermissionError), stdout_errors():
        raise PermissionError(errno.EACCES, "Permission denied", "a.toml")


def test_an_unknown_command_gets_the_nearest_name(here):
    assert "There is no command 'lable'. Did you mean 'label'" in refused("lable", code=2)
    assert "The commands are layers, extract" in refused("xyz", code=2)


def test_a_missing_argument_is_wrong_usage(inputs):
    assert "Missing argument 'CONCEPTS'" in refused("label", "activations.npz", code=2)
    assert "Missing option '-o' / '--output'" in refused(*ARGUMENTS[:-2], code=2)


def test_help_and_version_need_no_command():
    assert "Example: invert demo" in invert("--help").stdout
    assert invert("-h").stdout == invert("--help").stdout
    assert invert("--version").stdout.startswith("invert, version ")
    # Click 8.1 takes no arguments at all for a wish to see the help, later ones for an error.
    assert call().exit_code in (0, 2)
    assert "Example: invert demo" in call().output


def default(function, name):
    return inspect.signature(function).parameters[name].default


def test_choices_and_defaults_are_those_of_the_library():
    # They are written out in the commands, because --help is not to import the library.
    choices = {
        ("extract", "pool"): POOLS,
        ("extract", "device"): DEVICES,
        ("extract", "dtype"): DTYPES,
        ("extract", "preset"): tuple(preprocess.PRESETS),
        ("extract", "padding"): tokenizer_file.PADDINGS,
        ("extract", "layout"): tuple(preprocess.LAYOUTS),
        ("layers", "layout"): tuple(preprocess.LAYOUTS),
        ("extract", "mode"): tuple(preprocess.MODES),
        ("extract", "depth"): tuple(depth.WHITE),
        ("extract", "resample"): preprocess.RESAMPLES,
        ("label", "direction"): DIRECTIONS,
        ("label", "search"): SEARCHES,
        ("label", "adjust"): ADJUSTMENTS,
        ("label", "join"): JOINS,
        ("label", "match"): MATCHES,
        ("score", "join"): JOINS,
        ("score", "match"): MATCHES,
        ("check", "join"): JOINS,
        ("check", "match"): MATCHES,
        ("probe", "direction"): DIRECTIONS,
        ("probe", "join"): JOINS,
        ("probe", "match"): MATCHES,
        ("concepts build", "join"): combining.JOINS,
        ("concepts build", "match"): MATCHES,
        ("concepts add", "join"): combining.JOINS,
        ("concepts add", "match"): MATCHES,
        ("concepts show", "sort"): ("file", "count"),
        ("export", "style"): KINDS,
    }
    defaults = {
        ("extract", name): default(extract, name)
        for name in (
            *("pool", "channel_axis", "device", "batch_size", "dtype"),
            *("skip_bad", "follow_links"),
        )
    }
    defaults |= {("label", field.name): field.default for field in fields(Settings)}
    defaults |= {
        (command.__name__, name): default(command, name)
        for command in (label, score, probe)
        for name in ("join", "match", "missing")
    }
    printing = {"table", "json", "csv"}
    for name, command in ALL.items():
        for param in command.params:
            key = (name, param.name)
            if isinstance(param.type, click.Choice) and set(param.type.choices) != printing:
                assert tuple(param.type.choices) == choices.pop(key), key
            if key in defaults:
                assert param.to_info_dict()["default"] == defaults.pop(key), key
    assert not choices
    assert not defaults


def test_the_defaults_that_help_names_for_samples_are_those_of_the_library():
    usual = preprocess.Preprocess()
    for param in ALL["extract"].params:
        if param.name in ("layout", "mode", "resample"):
            assert f"[default: {getattr(usual, param.name)}]" in param.help
        if param.name == "padding":
            assert f"[default: {tokenizer_file.Tokenize('t').padding}]" in param.help
    assert usual.factor == 1 / 255
    assert tokenizer_file.Tokenize("t").bucketing
