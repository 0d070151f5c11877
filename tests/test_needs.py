"""A test is skipped if a package or program is absent, unless CI requires it."""

import pytest

from tests import needs


def test_what_is_absent_skips_a_module_unless_its_package_is_required(monkeypatch):
    monkeypatch.setattr(needs, "REQUIRED", [])
    with pytest.raises(pytest.skip.Exception, match="needs no_such_package"):
        needs.need("no_such_package.part")
    monkeypatch.setattr(needs, "REQUIRED", ["no_such_package"])
    with pytest.raises(ModuleNotFoundError):
        needs.need("no_such_package.part")


def test_a_test_is_skipped_without_its_program_unless_it_is_required(monkeypatch):
    monkeypatch.setattr(needs, "REQUIRED", [])
    with pytest.raises(pytest.skip.Exception, match="needs no-such-program"):
        needs.need_program("no-such-program")
    monkeypatch.setattr(needs, "REQUIRED", ["no-such-program"])
    with pytest.raises(FileNotFoundError, match="apt-get install no-such-program"):
        needs.need_program("no-such-program")


def test_a_program_that_is_there_is_found(monkeypatch):
    monkeypatch.setattr(needs, "REQUIRED", ["sh"])
    assert needs.need_program("sh").endswith("sh")
