"""The chronicle of a real run: what it hands to the diagnosis, what it says, and that a resumed one says the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from engine.config import RunConfig
from engine.diagnosis import Verdict, Yardstick, prescribe
from engine.training import checkpoints
from engine.training.chronicle import Chronicle, Twins
from engine.training.happenings import EpochDone
from tests.training.short_runs import begin, digits, epochs, follow, misled, settings

EPOCHS = 16
CONFIG = settings(epochs=EPOCHS, learning_rate=1e-2)
NO_TWINS, NO_YARDSTICK = Twins(), Yardstick()


@pytest.fixture(scope="module")
def done() -> list[EpochDone]:
    """Some epochs on honest labels."""
    return epochs(follow(begin(CONFIG, digits()))[0])


def chronicle(config: RunConfig = CONFIG, twins: Twins = NO_TWINS, yardstick: Yardstick = NO_YARDSTICK) -> Chronicle:
    return Chronicle(digits(), config, yardstick, twins)


def told(one: Chronicle, happened: list[EpochDone]) -> list[Verdict]:
    return [one.judge(each) for each in happened]


def test_it_counts_what_the_pictures_say(done: list[EpochDone]) -> None:
    one = chronicle()
    told(one, done)
    assert not all(each.best for each in done)
    data = digits()
    labels, known = data.labels[data.validation].numpy(), data.labels[data.probe].numpy()
    for epoch, each in enumerate(done):
        best = next(earlier for earlier in reversed(done[: epoch + 1]) if earlier.best)
        now, then = each.validation.correct.numpy(), best.validation.correct.numpy()
        assert one.series["turned_wrong"][epoch] == np.sum(then & ~now)
        assert one.series["turned_right"][epoch] == np.sum(~then & now)
        assert one.series["val_balanced"][epoch] == pytest.approx(balanced_accuracy_score(labels, each.validation.predicted.numpy()))
        assert one.series["probe_balanced"][epoch] == pytest.approx(balanced_accuracy_score(known, each.probe.predicted.numpy()))
        assert one.series["val_loss"][epoch] == each.metrics["val_loss"]
        if each.best:
            assert (one.series["turned_wrong"][epoch], one.series["paired_z"][epoch]) == (0, 0)
    assert {len(values) for values in one.series.values()} == {EPOCHS}


def test_the_diagnosis_gets_the_facts_of_the_run(done: list[EpochDone]) -> None:
    one = chronicle(twins=Twins(0.0, 0.01), yardstick=Yardstick(0.9, 0.02, 4))
    told(one, done)
    history = one.history()
    assert (history.n_val, history.n_probe, history.planned_epochs, sum(history.class_counts)) == (60, 60, EPOCHS, 150)
    assert (history.exact_twins, history.near_twins, history.yardstick.runs) == (0.0, 0.01, 4)


def test_every_verdict_comes_with_what_is_prescribed_for_this_config(done: list[EpochDone]) -> None:
    suspect = chronicle(twins=Twins(exact=0.1))
    for verdict in told(suspect, done):
        assert verdict.prescriptions == prescribe(verdict, CONFIG)
    assert suspect.verdict is not None
    assert (suspect.verdict.name, [each.name for each in suspect.verdict.prescriptions]) == ("data_suspect", ["look_at_data", "part_twins"])


def test_labels_under_wrong_names_are_seen_through() -> None:
    data = misled(digits())
    one = Chronicle(data, CONFIG, NO_YARDSTICK, NO_TWINS)
    verdicts = told(one, epochs(follow(begin(CONFIG, data))[0]))
    assert verdicts[-1].name == "data_suspect"
    assert {evidence.name: evidence.value for evidence in verdicts[-1].evidence}["renamed"] > 0.7


@pytest.mark.parametrize("at", [1, 7, EPOCHS - 1])
def test_a_resumed_run_is_judged_as_if_it_had_never_been_interrupted(done: list[EpochDone], tmp_path: Path, at: int) -> None:
    whole, first, second = chronicle(), chronicle(), chronicle()
    expected = told(whole, done)
    told(first, done[:at])
    training = begin(CONFIG, digits())
    checkpoints.save(tmp_path, "last", training.live, training.state(), first.keep())
    second.restore(checkpoints.load(tmp_path, "last").extra)
    assert second.verdict == expected[at - 1]
    assert told(second, done[at:]) == expected[at:]
    for name, values in whole.series.items():
        np.testing.assert_array_equal(second.series[name], values)
    assert second.summary() == whole.summary()


def test_before_its_first_epoch_there_is_nothing_to_keep(done: list[EpochDone]) -> None:
    empty, other = chronicle(), chronicle()
    other.restore(empty.keep())
    assert (other.verdict, other.best) == (None, None)
    assert told(other, done) == told(empty, done)


def test_what_was_known_before_a_resume_is_forgotten(done: list[EpochDone]) -> None:
    one = chronicle()
    told(one, done[:8])
    kept = one.keep()
    told(one, [replace(each, metrics=each.metrics | {"val_loss": 9.0, "probe_loss": 9.0}) for each in done[8:]])
    one.restore(kept)
    again = chronicle()
    assert told(one, done[8:]) == told(again, done)[8:]


def test_an_epoch_that_broke_is_said_and_summed_up_without_numbers_that_are_none(done: list[EpochDone]) -> None:
    one = chronicle()
    told(one, done[:3])
    nothing = torch.full_like(done[3].validation.loss, torch.nan)
    silent = replace(done[3].validation, loss=nothing, confidence=nothing)
    broken = replace(done[3], metrics=done[3].metrics | {"val_loss": np.nan}, validation=silent, nonfinite=True, best=False)
    verdict = one.judge(broken)
    assert (verdict.name, [each.name for each in verdict.prescriptions]) == ("diverged", ["tame"])
    summary = one.summary()
    assert (summary["last_val_loss"], summary["val_noise"], summary["epoch"]) == (None, None, 4)
    assert summary["val_loss"] == min(each.metrics["val_loss"] for each in done[:3])


def test_the_noise_of_a_run_is_told_as_a_share_of_its_loss(done: list[EpochDone]) -> None:
    one = chronicle()
    told(one, done)
    shares = []
    for n in range(7, EPOCHS + 1):
        loss = one.series["val_loss"][:n]
        differences = np.abs(np.diff(loss, 2) - np.median(np.diff(loss, 2)))
        shares.append(1.4826 * np.median(differences) / np.sqrt(6) / loss[-1])
    assert one.summary()["val_noise"] == pytest.approx(np.median(shares))
