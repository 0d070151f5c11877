from hypothesis import given
from hypothesis import strategies as st

from invert_core.data.texts.text_source import (
    WINDOW_TEXTS,
    batches_by_length,
    padded_length,
    windows,
)

sizes = st.integers(1, 3 * WINDOW_TEXTS)


@given(start=st.integers(0, 5000), more=st.integers(1, 5000), batch_size=sizes)
def test_windows_hold_whole_batches_and_do_not_depend_on_the_start(start, more, batch_size):
    n_samples = start + more
    every = list(windows(0, n_samples, batch_size))
    assert [row for window in every for row in window] == list(range(n_samples))
    assert all(len(window) % batch_size == 0 for window in every[:-1])
    assert all(len(window) <= max(WINDOW_TEXTS, batch_size) for window in every)
    assert list(windows(start, n_samples, batch_size)) == [
        window for window in every if window.stop > start
    ]


@given(lengths=st.lists(st.integers(1, 9), max_size=40), batch_size=st.integers(1, 7))
def test_batches_hold_every_text_once_and_similar_ones_together(lengths, batch_size):
    batches = [batch.tolist() for batch in batches_by_length(lengths, batch_size)]
    order = sorted(range(len(lengths)), key=lambda place: (lengths[place], place))
    wanted = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
    assert sorted(batches) == sorted(wanted)


def test_the_first_batches_are_neither_of_the_shortest_texts_nor_of_the_longest():
    batches = batches_by_length(range(100), 10)
    for batch in batches[:2]:
        assert 40 <= batch.min() <= batch.max() < 70


@given(longest=st.integers(1, 100), beyond=st.none() | st.integers(0, 20))
def test_padding_holds_the_text_and_stays_within_the_limit(longest, beyond):
    limit = None if beyond is None else longest + beyond
    length = padded_length(longest, limit)
    assert longest <= length < longest + 8
    assert length % 8 == 0 or length == limit
