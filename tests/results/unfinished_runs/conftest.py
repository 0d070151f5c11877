import pytest

from tests.results.unfinished_runs.stopped_runs import finish, write_inputs


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder of the inputs, to work in."""
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def whole(here):
    """The run of a labelling that was never stopped."""
    finish("whole")
    return here / "whole"
