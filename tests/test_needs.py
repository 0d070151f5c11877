"""A test is skipped if a package is absent, unless CI requires the package."""

import pytest

from tests import needs


def test_what_is_absent_skips_a_module_unless_its_package_is_required(monkeypatch):
    monkeypatch.setattr(needs, "REQUIRED", [])
    with pytest.raises(pytest.skip.Exception, match="needs no_such_package"):
        needs.need("no_such_package.part")
    monkeypatch.setattr(needs, "REQUIRED", ["no_such_package"])
    with pytest.raises(ModuleNotFoundError):
        needs.need("no_such_package.part")
