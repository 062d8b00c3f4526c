"""Golden histories: what is said, how surely, since when, and that it was said then too."""

from dataclasses import replace

import pytest

from engine.diagnosis import first_alarm, judge
from tests.diagnosis import golden


@pytest.mark.parametrize(
    ("history", "name", "tier"),
    [
        ("healthy", "healthy", None),
        ("learning rate step", "healthy", None),
        ("overfitting", "overfitting", "medium"),
        ("overfitting seen in pictures", "overfitting", "strong"),
        ("watch", "watch", "weak"),
        ("diverged by nan", "diverged", "certain"),
        ("diverged by blow-up", "diverged", "certain"),
        ("not learning", "not_learning", "strong"),
        ("generalisation gap", "generalisation_gap", "medium"),
        ("underfitting", "underfitting", "medium"),
        ("room unknown", "underfitting", "weak"),
        ("too early", "too_early", None),
    ],
)
def test_a_known_shape_gets_its_name_and_tier(history, name, tier):
    verdict = judge(golden.GOLDEN[history])
    assert (verdict.name, verdict.tier) == (name, tier)


def test_overfitting_is_said_soon_after_it_begins_and_dated_to_its_beginning():
    verdict = judge(golden.overfit(after=25))
    assert 20 <= verdict.best_epoch <= 29
    assert 26 <= verdict.since_epoch <= 34
    assert verdict.since_epoch + 2 <= first_alarm(golden.overfit(after=25)) <= 37


@pytest.mark.parametrize("seed", range(40))
def test_a_tiny_validation_set_is_never_called_overfitting(seed):
    history = golden.tiny_validation(seed)
    assert first_alarm(history) is None
    verdict = judge(history)
    assert verdict.name != "overfitting"
    assert "low_evidence" in verdict.modifiers and verdict.tier in (None, "weak")


def test_low_evidence_caps_a_confirmed_overfitting_at_weak():
    history = replace(golden.overfit(), images=golden.worse_pictures(25), n_val=100)
    verdict = judge(history)
    assert (verdict.name, verdict.tier) == ("overfitting", "weak")
    assert "precision" in [one.name for one in verdict.evidence[:3]]


@pytest.mark.parametrize("name", golden.GOLDEN)
def test_the_first_alarm_is_the_first_prefix_that_was_called_overfitting(name):
    history = golden.GOLDEN[name]
    alarm, n = first_alarm(history), len(history.val_loss)
    said = [k for k in range(1, n + 1) if judge(replace(golden.prefix(history, k), images=None)).name == "overfitting"]
    assert (said[0] if said else None) == alarm


@pytest.mark.parametrize("name", ["overfitting", "healthy", "generalisation gap"])
def test_a_prefix_is_judged_as_if_the_rest_had_never_been(name):
    history = golden.GOLDEN[name]
    wild = replace(history, val_loss=[*history.val_loss[:35], *[99.0] * 5], probe_loss=[*history.probe_loss[:35], *[0.0] * 5])
    assert judge(golden.prefix(history, 35)) == judge(golden.prefix(wild, 35))


def test_since_stays_while_the_verdict_stays():
    history = golden.overfit()
    since = {judge(golden.prefix(history, k)).since_epoch for k in range(first_alarm(history), 61)}
    assert len(since) == 1


def test_one_bad_epoch_or_two_say_nothing():
    history = golden.healthy()
    for at in range(15, 40):
        spiked = list(history.val_loss)
        spiked[at : at + 2] = [5.0] * len(spiked[at : at + 2])
        for k in range(at + 1, len(spiked) + 1):
            assert judge(golden.prefix(replace(history, val_loss=spiked), k)).name in ("healthy", "too_early")


def test_a_verdict_is_taken_back_only_after_twice_the_hold():
    history = golden.overfit(n=40)
    better = replace(
        history,
        val_loss=[*history.val_loss, *[0.40] * 15],
        **{s: [*getattr(history, s), *[getattr(history, s)[-1]] * 15] for s in golden.SERIES if s != "val_loss"},
    )
    names = [judge(golden.prefix(better, k)).name for k in range(40, 56)]
    assert names[0] == "overfitting" and names[-1] != "overfitting"
    gone = names.index(next(name for name in names if name != "overfitting"))
    assert 6 <= gone <= 9
    assert "easing" in judge(golden.prefix(better, 40 + gone - 1)).modifiers


def test_a_loss_that_is_no_number_is_said_from_the_first_epoch_on():
    assert judge(golden.prefix(golden.diverged_nan(at=1), 1)).name == "diverged"
    verdict = judge(golden.diverged_nan(at=12))
    assert (verdict.since_epoch, verdict.epoch) == (12, 20)


def test_a_missing_number_is_not_a_broken_one():
    history = golden.healthy()
    gaps = [None if k % 3 == 1 else value for k, value in enumerate(history.val_loss)]
    assert judge(replace(history, val_loss=gaps)).name == "healthy"


def test_without_a_probe_nothing_is_claimed():
    assert judge(replace(golden.overfit(), probe_loss=[None] * 60)).name == "too_early"


def test_too_early_lasts_a_tenth_of_the_plan():
    history = replace(golden.flat_at_chance(), planned_epochs=150)
    assert judge(golden.prefix(history, 14)).name == "too_early"
    assert judge(golden.prefix(history, 15)).name != "too_early"


def test_not_learning_waits_for_a_fifth_of_the_plan():
    history = replace(golden.flat_at_chance(), planned_epochs=60)
    assert judge(golden.prefix(history, 11)).name != "not_learning"
    assert judge(golden.prefix(history, 12)).name == "not_learning"


def test_blow_up_is_said_within_four_epochs():
    history = golden.diverged_blow_up(at=20)
    first = next(k for k in range(1, 31) if judge(golden.prefix(history, k)).name == "diverged")
    assert 22 <= first <= 24


def test_a_confirmed_overfitting_stays_while_its_signal_holds():
    confirmed = judge(golden.GOLDEN["overfitting seen in pictures"])
    doubtful = replace(golden.GOLDEN["overfitting seen in pictures"], images=golden.same_pictures(25), probe_accuracy=[0.85] * 60)
    assert judge(doubtful).name == "watch"
    assert judge(doubtful, confirmed).name == "overfitting"


def test_each_confirmation_alone_is_enough():
    base, flipped, worse = golden.watched(), golden.worse_pictures(25), golden.same_pictures(25)
    by_flips = replace(worse, best_correct=flipped.best_correct, now_correct=flipped.now_correct)
    by_loss = replace(worse, best_loss=flipped.best_loss, now_loss=flipped.now_loss)
    assert judge(replace(base, images=by_flips)).name == "overfitting"
    assert judge(replace(base, images=by_loss)).name == "overfitting"
    assert judge(replace(base, images=worse, probe_accuracy=[1.0] * 60, val_accuracy=[0.8] * 60)).name == "overfitting"
