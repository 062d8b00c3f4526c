"""The track record of prescriptions: which pairs count, when a mean is spoken of, and in which words."""

from dataclasses import dataclass

import pytest

from engine.diagnosis import Prescription
from engine.statistics.means import mean
from engine.strings import LANGUAGES, say
from engine.studies import track


@dataclass(frozen=True)
class Tried:
    """A pair: a run and the run that tried something on it."""

    gain: float
    prescription: str = "augment_more"
    comparable: bool = True
    before: float | None = 0.8

    @property
    def after(self) -> float:
        return 0.8 + self.gain


def pairs(*gains: float) -> list[Tried]:
    return [Tried(gain) for gain in gains]


def record(*gains: float) -> track.Track:
    return track.tracks(pairs(*gains))["augment_more"]


def test_a_pair_is_scored_by_the_difference_of_its_accuracies() -> None:
    assert track.score(Tried(0.03)) == pytest.approx(0.03)
    assert track.score(Tried(-0.03)) == pytest.approx(-0.03)


def test_what_has_not_come_to_its_end_has_no_score() -> None:
    assert track.score(Tried(0.03, comparable=False)) is None
    assert track.score(Tried(0.03, before=None)) is None
    assert track.tracks([Tried(0.03, comparable=False), Tried(0.03, before=None)]) == {}


def test_only_the_pairs_of_a_prescription_that_came_to_their_end_count() -> None:
    tried = [*pairs(0.02, 0.0, -0.01), Tried(0.5, comparable=False), Tried(0.04, "drop_more"), Tried(0.5, before=None)]
    found = track.tracks(tried)
    assert {name: (one.tried, one.helped) for name, one in found.items()} == {"augment_more": (3, 1), "drop_more": (1, 1)}
    assert found["augment_more"].effect.value == pytest.approx(0.01 / 3)
    assert found["augment_more"].effect.half == pytest.approx(mean([0.02, 0.0, -0.01]).half)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_below_five_pairs_it_is_a_rule_of_thumb(count: int, language: str) -> None:
    found = record(*[0.01 * k for k in range(count)])
    assert not found.measured
    assert found.effect_words(language) == say("verdict.effect.rule_of_thumb", language)


def test_from_five_on_the_mean_is_said_with_its_interval() -> None:
    found = record(0.01, 0.02, 0.03, 0.04, 0.05)
    assert found.measured
    half = 2.776 * 0.015811 / 5**0.5
    assert found.effect.half == pytest.approx(half, rel=1e-3)
    assert found.effect_words("en") == "+3.0 points (+1.0 to +5.0)"
    assert found.effect_words("zh") == "+3.0 个百分点（+1.0 至 +5.0）"


def test_what_does_harm_is_said_with_a_minus() -> None:
    assert record(-0.01, -0.02, -0.03, -0.04, -0.05).effect_words("en") == "−3.0 points (−5.0 to −1.0)"


def test_what_is_expected_names_how_often_it_helped() -> None:
    found = track.tracks(pairs(0.01, -0.01))
    assert track.expected(found, "augment_more") == ("rule of thumb", "helped 1 of 2")
    assert track.expected(found, "augment_more", "zh") == ("经验之谈", "2 次中有效 1 次")
    assert track.expected(found, "drop_more") == ("rule of thumb", "")
    assert track.expected({}, "augment_more") == ("rule of thumb", "")


def test_the_time_follows_the_pace_of_the_run_and_the_cost_of_the_change() -> None:
    summary = {"epoch": 10, "seconds": 30.0}
    assert track.seconds(summary, 20, Prescription("augment_more", {}, 1.5)) == pytest.approx(3.0 * 20 * 1.5)
    assert track.seconds({"epoch": 0, "seconds": 0.5}, 20, Prescription("augment_more")) is None
    assert track.seconds({}, 20, Prescription("augment_more")) is None
    assert track.seconds({"epoch": 3, "seconds": None}, 20, Prescription("augment_more")) is None
