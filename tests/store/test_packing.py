"""Packed series: the same points bit for bit behind the same cursor, each once at any moment."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.store import blobs, packing, records, transitions
from engine.store.connect import Store
from engine.store.records import REWIND, Batch, Event, Metric
from engine.store.runs import State
from tests.store.filled import claimed, ended, metric, taken, told

FINITE = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


def every(store: Store, run: int, limit: int = records.PAGE) -> list[Metric]:
    """What a follower sees from the beginning."""
    seen, cursor, more = list[Metric](), 0, True
    while more:
        news = records.read(store, run, cursor, limit)
        seen, cursor, more = seen + news.metrics, news.seq, news.more
    return seen


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1), FINITE, st.floats(0, 1e10)), min_size=1))
def test_a_blob_gives_back_what_it_got(points: list[tuple[int, int, float | None, float]]) -> None:
    rows = [(seq, step, epoch, 1, value, time) for seq, (step, epoch, value, time) in enumerate(points, 1)]
    found = blobs.unpacked(blobs.packed(blobs.columns(rows)))
    columns = (found.seq.tolist(), found.step.tolist(), found.epoch.tolist(), found.attempt.tolist(), found.values, found.time.tolist())
    assert list(zip(*columns, strict=True)) == rows


def test_a_blob_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 40"):
        blobs.unpacked(b"0" * 41)


@pytest.mark.parametrize("limit", [1, 7, 60, 1000])
@pytest.mark.parametrize("part", [3, packing.PART])
def test_packing_changes_nothing_for_readers(store: Store, limit: int, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "PART", part)
    run = ended(store, range(1, 121))
    before = every(store, run, limit), records.history(store, run), records.last_seq(store, run), records.read(store, run, 50)
    assert packing.due(store) == [run]
    assert packing.pack(store, run) == 120
    assert packing.due(store) == []
    assert packing.pack(store, run) == 0
    assert (every(store, run, limit), records.history(store, run), records.last_seq(store, run), records.read(store, run, 50)) == before
    assert None in [row.value for row in before[0]]


def test_a_run_under_way_is_not_packed(store: Store) -> None:
    claim = claimed(store)
    records.append(store, claim, Batch(told(range(1, 9))))
    assert packing.due(store) == []
    assert packing.pack(store, claim.run) == 0
    assert len(records.read(store, claim.run).metrics) == 8


def test_a_run_tried_again_is_packed_again(store: Store) -> None:
    run = ended(store, range(1, 31), State.FAILED)
    packing.pack(store, run)
    transitions.retry(store, run)
    claim = taken(store)
    start = records.last_seq(store, run) + 1
    assert start == 32
    rewind = Event(start, REWIND, 20, 20, {}, 0.0)
    again = [metric(start + number, 20 + number, 2.0**-number) for number in range(1, 11)]
    records.append(store, claim, Batch(again, [rewind]))
    seen, history = every(store, run, 7), records.history(store, run)
    assert [row.seq for row in seen] == [*range(1, 31), *range(start + 1, start + 11)]
    assert [row.step for row in history["val_loss"]] == [*range(2, 21, 2), *range(21, 31)]
    transitions.end(store, claim, State.FINISHED)
    assert packing.pack(store, run) == 10
    assert (every(store, run, 7), records.history(store, run)) == (seen, history)


def test_of_several_rewinds_the_furthest_back_counts(store: Store) -> None:
    claim = claimed(store)
    rewinds = [Event(11, REWIND, 3, 3, {}, 0.0), Event(15, REWIND, 4, 4, {}, 0.0), Event(16, REWIND, 8, 8, {}, 0.0)]
    rows = [metric(seq, seq) for seq in range(1, 11)] + [metric(12, 4), metric(13, 5), metric(14, 6), metric(17, 9)]
    records.append(store, claim, Batch(rows, rewinds))
    assert [row.seq for row in records.history(store, claim.run)["val_loss"]] == [1, 2, 3, 12, 17]


def test_a_series_wholly_taken_back_is_not_there(store: Store) -> None:
    claim = claimed(store)
    records.append(store, claim, Batch([metric(1, 5)], [Event(2, REWIND, 0, 0, {}, 0.0)]))
    assert records.history(store, claim.run) == {}


def test_readers_see_every_point_once_while_it_is_packed(store: Store) -> None:
    """Runs are packed under the eyes of a reader in pages; every look of it must show all points once, in order."""
    numbers = [ended(store, range(1, 401)) for _ in range(8)]
    looks: list[list[int]] = []
    done, begun = threading.Event(), threading.Event()

    def look() -> None:
        mine = Store(store.home)
        while not done.is_set():
            for run in numbers:
                looks.append([row.seq for row in every(mine, run, 150)])
                looks.append(sorted(row.seq for rows in records.history(mine, run).values() for row in rows))
            begun.set()
        mine.engine.dispose()

    reader = threading.Thread(target=look)
    reader.start()
    begun.wait(60)
    for run in numbers:
        assert packing.pack(store, run) == 400
    done.set()
    reader.join()
    assert len(looks) > 16
    assert [seqs for seqs in looks if seqs != list(range(1, 401))] == []
