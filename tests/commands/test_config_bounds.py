"""A --config file that would take hours to read is refused."""

import time

import click
import pytest

from invert_core.commands.command import read_config


def test_a_dotted_key_of_megabytes_is_refused_at_once(tmp_path):
    (tmp_path / "c.toml").write_text(".".join("a" * 500_000) + " = 1\n")
    started = time.process_time()
    with pytest.raises(click.UsageError, match="a line has more than 16,384 characters"):
        read_config(tmp_path / "c.toml")
    assert time.process_time() - started < 5
