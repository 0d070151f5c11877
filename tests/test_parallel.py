"""Reading ahead changes when items are made, never which, and leaves no thread behind."""

import gc
import threading
import traceback
import weakref
from contextlib import closing

import h5py
import numpy as np
import pytest

from invert_core import Activations, open_activations
from invert_core.errors import SettingError
from invert_core.parallel import read_ahead

SECONDS = 30
"""No test waits so long unless it fails."""


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


class Block:
    """Something that a weak reference can watch."""


class Producer:
    """Says when each item is begun, and who makes it."""

    def __init__(self, count):
        self.count = count
        self.begun = [threading.Event() for _ in range(count + 1)]
        self.threads = set()
        self.closed = False

    def __iter__(self):
        try:
            for number in range(self.count):
                self.begun[number].set()
                self.threads.add(threading.current_thread())
                yield number
            self.begun[self.count].set()
        finally:
            self.closed = True


@pytest.mark.parametrize("depth", [1, 2, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_all_items_come_in_their_order(count, depth):
    assert list(read_ahead(iter(range(count)), depth)) == list(range(count))


def test_items_are_made_in_one_other_thread():
    producer = Producer(5)
    assert list(read_ahead(producer)) == [0, 1, 2, 3, 4]
    assert len(producer.threads) == 1
    assert threading.current_thread() not in producer.threads


@pytest.mark.parametrize("depth", [1, 3])
def test_the_next_items_are_made_while_one_is_in_use(depth):
    producer = Producer(10)
    with closing(read_ahead(producer, depth)) as items:
        assert next(items) == 0
        assert producer.begun[depth].wait(SECONDS)


@pytest.mark.parametrize("depth", [1, 3])
def test_no_more_items_than_the_depth_are_begun(depth):
    producer = Producer(10)
    with closing(read_ahead(producer, depth)) as items:
        for number in items:
            assert producer.begun[min(number + depth, producer.count)].wait(SECONDS)
            assert not any(event.is_set() for event in producer.begun[number + depth + 1 :])


def test_nothing_is_begun_before_the_first_item_is_asked_for():
    producer = Producer(3)
    with closing(read_ahead(producer)):
        assert not producer.threads


@pytest.mark.parametrize("depth", [0, -1])
def test_a_depth_that_hands_over_nothing_is_refused_at_once(depth):
    with pytest.raises(SettingError, match=f"depth is {depth}"):
        read_ahead([1], depth)


class Odd(Exception):
    pass


def fails_at(position, error):
    for number in range(5):
        if number == position:
            raise error
        yield number


@pytest.mark.parametrize("error", [Odd("here"), KeyboardInterrupt(), StopIteration()])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("position", [0, 1, 3])
def test_an_error_comes_after_the_items_before_it(position, depth, error):
    items = read_ahead(fails_at(position, error), depth)
    assert [next(items) for _ in range(position)] == list(range(position))
    # A generator turns a StopIteration into a RuntimeError, with a thread or without.
    expected = RuntimeError if isinstance(error, StopIteration) else type(error)
    with pytest.raises(expected):
        next(items)


def test_an_error_is_the_same_object_and_shows_where_it_was_raised():
    error = Odd("here")
    with pytest.raises(Odd) as caught:
        list(read_ahead(fails_at(2, error)))
    assert caught.value is error
    assert "fails_at" in [frame.name for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize("depth", [1, 3])
def test_nothing_is_made_after_an_error(depth):
    asked = []

    def ask(number):
        asked.append(number)
        if number == 1:
            raise Odd

    with pytest.raises(Odd):
        list(read_ahead(map(ask, range(10)), depth))
    assert asked == [0, 1]


def test_closing_early_closes_the_producer():
    producer = Producer(10)
    with closing(read_ahead(producer)) as items:
        next(items)
        assert not producer.closed
    assert producer.closed


def test_an_error_of_the_consumer_closes_the_producer():
    producer = Producer(10)

    def consume():
        with closing(read_ahead(producer)) as items:
            for _ in items:
                raise Odd

    with pytest.raises(Odd):
        consume()
    assert producer.closed


def test_an_interrupt_in_the_consumer_closes_the_producer():
    producer = Producer(10)
    items = read_ahead(producer)
    next(items)
    with pytest.raises(KeyboardInterrupt):
        items.throw(KeyboardInterrupt())
    assert producer.closed


def test_a_generator_that_is_dropped_closes_the_producer():
    producer = Producer(10)
    items = read_ahead(producer)
    next(items)
    del items
    gc.collect()
    assert producer.closed


def test_closing_waits_for_the_item_that_is_being_made():
    begun, may_go_on, made = threading.Event(), threading.Event(), threading.Event()

    def slow():
        yield 0
        begun.set()
        assert may_go_on.wait(SECONDS)
        made.set()
        yield 1

    items = read_ahead(slow())
    next(items)
    assert begun.wait(SECONDS)
    closer = threading.Thread(target=items.close)
    closer.start()
    assert not made.is_set()
    assert closer.is_alive()
    may_go_on.set()
    closer.join(SECONDS)
    assert made.is_set()


def test_an_error_of_the_producer_while_it_is_closed_surfaces():
    def grumbles():
        try:
            yield 0
            yield 1
        finally:
            raise Odd

    items = read_ahead(grumbles())
    next(items)
    with pytest.raises(Odd):
        items.close()


def test_no_item_is_kept_once_it_is_handed_over():
    watched = []

    def blocks():
        for _ in range(5):
            block = Block()
            watched.append(weakref.ref(block))
            yield block
            del block

    with closing(read_ahead(blocks())) as items:
        for number in range(5):
            block = next(items)
            assert watched[number]() is block
            del block
        alive = [number for number, block in enumerate(watched) if block() is not None]
        assert alive in ([], [4])  # the producer drops the last when it is asked for another
        assert list(items) == []
    assert all(block() is None for block in watched)


def test_items_that_nobody_takes_are_dropped():
    watched = []
    third_is_made = threading.Event()

    def blocks():
        for number in range(5):
            block = Block()
            watched.append(weakref.ref(block))
            if number == 2:
                third_is_made.set()
            yield block

    with closing(read_ahead(blocks(), depth=2)) as items:
        next(items)
        assert third_is_made.wait(SECONDS)
    gc.collect()
    assert all(block() is None for block in watched)


def test_blocks_of_a_file_are_read_ahead(tmp_path):
    matrix = np.random.default_rng(0).normal(size=(2000, 50)).astype(np.float32)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs.update({"format": "invert-activations", "format_version": 1, "rows_done": 2000})
        file.create_dataset("layers/fc/activations", data=matrix, chunks=(100, 8))
    with open_activations(tmp_path / "x.h5") as activations:
        layer = activations.layers["fc"]
        blocks = (layer.read(unit, unit + 8) for unit in range(0, 50, 8))
        with closing(read_ahead(blocks)) as read:
            assert np.array_equal(np.concatenate(list(read)), matrix.T)


def test_a_nan_is_named_by_the_reading_thread():
    matrix = np.zeros((10, 6))
    matrix[7, 4] = np.nan
    layer = Activations.from_array({"fc": matrix}).layers["fc"]
    blocks = (layer.read(unit, unit + 2) for unit in range(0, 6, 2))
    with closing(read_ahead(blocks)) as read:
        next(read)
        next(read)
        with pytest.raises(ValueError, match="unit fc:4 is NaN for row 7"):
            next(read)


def test_the_thread_is_told_to_stop_before_it_is_waited_for():
    begun, stopped, ended = threading.Event(), threading.Event(), []

    def blocks():
        yield 0
        begun.set()
        ended.append(stopped.wait(SECONDS))

    with closing(read_ahead(blocks(), stop=stopped.set)) as items:
        assert next(items) == 0
        assert begun.wait(SECONDS)
    assert ended == [True]
