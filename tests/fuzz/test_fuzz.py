"""Every kind of input survives a few cases, and the fuzzer finds faults that are there."""

import os
import signal
import time

import pytest

from invert_core.errors import DataError
from tests.needs import need

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="limits need Linux"),
]
need("onnx")
need("pyarrow")
need("tokenizers")

from tests.fuzz.cases import Fuzzer
from tests.fuzz.formats import Format, all_formats
from tests.fuzz.mutations import damaged

_CONTENT = bytes(range(200))
_CASES = 10


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("name", all_formats())
def test_a_few_cases_of_every_format_end_without_a_fault(name):
    if name in ("pt", "safetensors"):
        need(name.replace("pt", "torch"))
    with Fuzzer(name, all_formats()[name], seed=0) as fuzzer:
        ends = list(fuzzer.ends(range(_CASES)))
    assert [end for end in ends if end.is_finding] == []
    assert any(end.kind == "refused" for end in ends)


def _write(folder):
    (folder / "x").write_bytes(_CONTENT)


def _read_checked(folder):
    content = (folder / "x").read_bytes()
    if content != _CONTENT:
        raise DataError("It differs.", "Make it again.")
    return content


def _planted(react):
    """A reader that refuses damage, except for files that end as they should: there it reacts."""

    def use(folder):
        content = (folder / "x").read_bytes()
        if content == _CONTENT or not content.endswith(_CONTENT[-9:]):
            return _read_checked(folder)
        return react(folder)

    return use


def _raise(folder):
    return {}["absent"]


def _refuse_without_a_hint(folder):
    raise DataError("It differs.")


def _loop(folder):
    while True:
        time.sleep(1)


def _crash(folder):
    os.kill(os.getpid(), signal.SIGSEGV)


def _leave(folder):
    os._exit(3)


def _claim(folder):
    return bytearray(2**40)


def _write_outside(folder):
    (folder.parent / "outside").write_bytes(b"")


def _change(folder):
    return (folder / "x").read_bytes()


_FAULTS = {
    "traceback": _raise,
    "unforeseen": _refuse_without_a_hint,
    "hang": _loop,
    "signal": _crash,
    "memory": _claim,
    "writes": _write_outside,
    "changed": _change,
}


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("kind", _FAULTS)
def test_a_planted_fault_is_found(kind):
    form = Format(_write, _planted(_FAULTS[kind]), {"x": True})
    with Fuzzer("planted", form, seed=0, seconds=0.2) as fuzzer:
        ends = list(fuzzer.ends(range(6)))
    assert {end.kind for end in ends if end.is_finding} == {kind}
    assert {end.kind for end in ends if not end.is_finding} <= {"refused"}


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_process_that_leaves_without_a_word_is_a_fault():
    with Fuzzer("planted", Format(_write, _planted(_leave), {"x": True}), seed=0) as fuzzer:
        assert any(
            end.kind == "signal" and end.detail == "exit code 3" for end in fuzzer.ends(range(6))
        )


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_another_result_is_a_fault_only_where_a_checksum_could_know():
    form = Format(_write, _planted(_change), {"x": False})
    with Fuzzer("planted", form, seed=0) as fuzzer:
        ends = list(fuzzer.ends(range(6)))
    assert "changed" in {end.kind for end in ends}
    assert not any(end.is_finding for end in ends)


def test_a_case_depends_on_its_format_seed_and_number_only():
    form = Format(_write, _read_checked, {"x": True})
    with Fuzzer("one", form, seed=3) as fuzzer, Fuzzer("one", form, seed=3) as again:
        made = [fuzzer.mutated(number) for number in range(50)]
        assert made == [again.mutated(number) for number in reversed(range(50))][::-1]
    assert len({content for _, content, _ in made}) > 30
    assert all(content != _CONTENT for _, content, _ in made)
    with Fuzzer("one", form, seed=4) as other:
        assert made != [other.mutated(number) for number in range(50)]


def test_damage_always_differs_even_if_nothing_is_there():
    from random import Random

    for content in (b"", b"\0", b"\0" * 700):
        assert all(damaged(Random(seed), content) != content for seed in range(200))
