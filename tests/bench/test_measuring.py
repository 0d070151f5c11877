"""Ways are measured in turns, and no time counts before its result is checked."""

import os
import subprocess
import sys
import time

import pytest

from bench.measuring import Way, alternate


def noting(notes, name, **options):
    return Way(name, lambda: notes.append(name), **options)


def test_ways_alternate_round_by_round_after_a_warm_up():
    notes = []
    rounds = alternate([noting(notes, "a"), noting(notes, "b")], 2)
    assert notes == ["a", "b", "a", "b", "a", "b"]
    assert [len(of_way) for of_way in rounds] == [2, 2]


def test_a_slow_way_takes_part_in_the_first_rounds_only():
    notes = []
    rounds = alternate([noting(notes, "a"), noting(notes, "slow", rounds=1)], 2)
    assert notes == ["a", "a", "slow", "a"]
    assert [len(of_way) for of_way in rounds] == [2, 1]


@pytest.mark.parametrize("bad", [0, 2], ids=["warm-up", "last round"])
def test_a_wrong_result_of_any_round_ends_the_measurement(bad):
    results = iter(range(3))

    def check(result):
        assert result != bad

    with pytest.raises(AssertionError):
        alternate([Way("a", lambda: next(results), check)], 2)


def test_the_check_takes_no_part_in_the_time():
    def check(_):
        time.sleep(0.05)

    ((spent,),) = alternate([Way("a", lambda: None, check)], 1)
    assert spent.wall < 0.05


def test_waiting_is_no_processor_time():
    ((spent,),) = alternate([Way("a", lambda: time.sleep(0.05))], 1)
    assert spent.wall >= 0.05 > spent.processor


def test_processor_time_includes_children():
    busy = "import time\nwhile time.process_time() < 0.3: pass"

    def run():
        subprocess.run([sys.executable, "-c", busy], check=True, env=dict(os.environ))

    ((spent,),) = alternate([Way("a", run)], 1)
    assert spent.processor >= 0.2
