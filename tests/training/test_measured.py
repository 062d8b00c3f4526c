"""What was measured to be faster is kept once, taken by every later run of that network, and never taken from noise."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.config import RunConfig
from engine.data.arrivals import Arrivals
from engine.training import measured, probing
from engine.training.numerics import choose
from engine.training.probing import Candidate, Compiled, Probe, as_compiled, probe, repaid_after
from engine.training.rehearsal import Stint
from tests.training.short_runs import settings

CONFIG = settings(precision="auto")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    folder = tmp_path_factory.mktemp("probe")
    arrivals = Arrivals([folder / "data"], folder / "cache")
    arrivals.within(60.0, CONFIG.data)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "STEP", "LONGEST"):  # whatever else this machine does
            patch.setattr(probing, name, 60.0)
        return replace(probe(CONFIG, arrivals, choose(CONFIG, 1)), elsewhere=0.0)


def faster(found: Probe, times: float) -> Probe:
    """The first candidate that is not the run's own is so many times as fast as that."""
    own, other, *rest = found.candidates
    quick = replace(other, images_per_second=times * own.images_per_second)
    slow = [replace(one, images_per_second=1.0) for one in rest]
    return replace(found, candidates=[own, quick, *slow], fastest=1 if times > 1 else 0)


def own_way(config: RunConfig) -> tuple[str, bool]:
    chosen = choose(config, 1)
    return chosen.precision, chosen.channels_last


@pytest.mark.slow
def test_a_clear_winner_is_taken_by_every_later_run_of_the_network(found: Probe, tmp_path: Path) -> None:
    file = tmp_path / "measured.json"
    assert measured.keep(CONFIG, faster(found, 2.0), file)
    quick = found.candidates[1]
    later = measured.numerics(CONFIG.changed(batch_size=16, learning_rate=0.5), 1, file)
    assert (later.precision, later.channels_last) == (quick.precision, quick.channels_last) != own_way(CONFIG)
    assert measured.numerics(CONFIG.changed(width=2.0), 1, file) == choose(CONFIG.changed(width=2.0), 1)
    assert measured.numerics(CONFIG, 2, file) == choose(CONFIG, 2)
    assert measured.numerics(CONFIG.changed(hidden=40), 1, file) == choose(CONFIG, 1)
    assert measured.numerics(CONFIG.changed(initialisation="kaiming"), 1, file) == later
    assert [one.name for one in tmp_path.iterdir()] == ["measured.json"]


@pytest.mark.parametrize("change", ["processor", "no name of it", "torch"])
def test_another_computer_and_another_torch_are_measured_anew(
    found: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    file, other = tmp_path / "measured.json", tmp_path / "cpuinfo"
    assert measured.keep(CONFIG, faster(found, 2.0), file)
    if change == "torch":
        monkeypatch.setattr(torch, "__version__", "9.9")
    else:
        monkeypatch.setattr(measured, "PROCESSORS", other)
    if change == "processor":
        other.write_text("processor\t: 0\nmodel name\t: Abacus 3\n")
    assert measured.numerics(CONFIG, 1, file) == choose(CONFIG, 1)
    assert measured.keep(CONFIG, faster(found, 2.0), file)
    assert measured.numerics(CONFIG, 1, file) != choose(CONFIG, 1)
    monkeypatch.undo()
    assert measured.numerics(CONFIG, 1, file) != choose(CONFIG, 1)


def test_the_first_choice_stays_so_that_runs_can_be_compared(found: Probe, tmp_path: Path) -> None:
    file = tmp_path / "measured.json"
    measured.keep(CONFIG, faster(found, 2.0), file)
    before = file.read_bytes()
    other = faster(replace(found, candidates=[found.candidates[0], *reversed(found.candidates[1:])]), 3.0)
    assert not measured.keep(CONFIG, other, file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("why", ["within chance", "disturbed", "not all tried", "exact"])
def test_what_is_not_clear_changes_nothing(found: Probe, tmp_path: Path, why: str) -> None:
    clear = faster(found, 2.0)
    doubtful = {
        "within chance": faster(found, 1.1),
        "disturbed": replace(clear, elsewhere=1.0),
        "not all tried": replace(clear, left_out=[["bf16", False]]),
        "exact": replace(
            clear, candidates=[Candidate(one.precision, one.channels_last, one.images_per_second, False) for one in clear.candidates]
        ),
    }[why]
    assert not measured.keep(CONFIG, doubtful, tmp_path / "measured.json")
    assert not list(tmp_path.iterdir())


def compiled(found: Probe, times: float, from_epochs: int | None = 20) -> Probe:
    """Nothing else is faster than the run's own way, but that one compiled."""
    slow = faster(found, 0.5)
    return replace(slow, compiled=Compiled(times * slow.candidates[0].images_per_second, 60.0, from_epochs))


def test_compiling_is_taken_by_runs_that_are_long_enough(found: Probe, tmp_path: Path) -> None:
    file = tmp_path / "measured.json"
    assert measured.keep(CONFIG, compiled(found, 2.0), file)
    taken = {epochs: measured.numerics(CONFIG.changed(epochs=epochs), 1, file) for epochs in (19, 20)}
    assert taken == {19: choose(CONFIG, 1), 20: replace(choose(CONFIG, 1), compiled=True)}
    others = ({"accumulation": 2}, {"batch_size": 16}, {"train_share": 0.5}, {"precision": "exact"}, {"width": 2.0})
    for knobs in others:
        assert not measured.numerics(CONFIG.changed(epochs=50, **knobs), 1, file).compiled, knobs
    assert not measured.keep(CONFIG, compiled(found, 3.0, 2), file)


def test_what_was_compiled_does_not_speak_for_another_way(found: Probe, tmp_path: Path) -> None:
    file = tmp_path / "measured.json"
    winner = faster(found, 2.0)
    assert measured.keep(CONFIG, replace(winner, compiled=Compiled(9 * winner.candidates[0].images_per_second, 60.0, 2)), file)
    later = measured.numerics(CONFIG.changed(epochs=50), 1, file)
    assert (later.channels_last, later.compiled) == (winner.candidates[1].channels_last, False)


def test_a_run_that_will_be_compiled_is_told_its_own_speed_and_time(found: Probe) -> None:
    quick, plain = compiled(found, 2.0), compiled(found, 1.0)
    told = as_compiled(quick, 50)
    assert quick.compiled is not None and told.speed.seconds is not None and told.speed.epoch_seconds is not None
    assert told.speed.expected == quick.compiled.images_per_second
    assert told.speed.seconds == pytest.approx(60.0 + 50 * told.speed.epoch_seconds, rel=0.1)
    slower = as_compiled(plain, 50).speed.epoch_seconds
    assert slower is not None and told.speed.epoch_seconds < slower
    assert as_compiled(found, 50) == found


@pytest.mark.parametrize(("times", "from_epochs"), [(1.1, 20), (2.0, None)])
def test_compiling_that_does_not_pay_is_not_taken(found: Probe, tmp_path: Path, times: float, from_epochs: int | None) -> None:
    assert not measured.keep(CONFIG, compiled(found, times, from_epochs), tmp_path / "measured.json")


@pytest.mark.parametrize(("train", "speed", "epochs"), [(1000, 200.0, 12), (1000, 100.0, None), (1000, 50.0, None), (None, 200.0, None)])
def test_compiling_is_repaid_after_so_many_epochs(train: int | None, speed: float, epochs: int | None) -> None:
    assert repaid_after(train, 100.0, Stint(speed, 0.1, 0, ready_seconds=60.0)) == epochs


def test_on_a_processor_nothing_is_compiled(found: Probe) -> None:
    assert found.compiled is None


def test_an_exact_run_stays_exact(found: Probe, tmp_path: Path) -> None:
    measured.keep(CONFIG, faster(found, 2.0), tmp_path / "measured.json")
    exact = CONFIG.changed(precision="exact")
    assert measured.numerics(exact, 1, tmp_path / "measured.json") == choose(exact, 1)


@pytest.mark.parametrize("content", [b"", b"{", b'{"ways": 3}', b'{"ways": {"x": {"precision": "fp8", "channels_last": true}}}', b"\xff"])
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "measured.json").write_bytes(content)
    assert measured.numerics(CONFIG, 1, tmp_path / "measured.json") == choose(CONFIG, 1)
