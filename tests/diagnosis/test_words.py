"""Every verdict, evidence and condition has words in every language, and they fill."""

import string
from dataclasses import replace

import pytest

from engine.diagnosis import explain, judge, meaning, words
from engine.diagnosis.rules import RULES
from engine.strings import LANGUAGES, catalogue, known
from tests.diagnosis import golden

NAMES = [rule.__name__ for rule in RULES]


def ours(language):
    return {key: text for key, text in catalogue(language).items() if key.startswith("verdict.")}


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_with_the_same_fields():
    en, zh = ours("en"), ours("zh")
    assert en.keys() == zh.keys()
    assert {key: fields(text) for key, text in en.items()} == {key: fields(text) for key, text in zh.items()}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_verdict_has_a_title_and_a_meaning(name, language):
    assert known(f"verdict.{name}.title", language) and meaning(name, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_evidence_and_condition_has_its_sentence(language):
    assert all(known(f"verdict.evidence.{name}", language) for name in words.UNITS)
    assert all(known(f"verdict.refuted.{name}", language) for name in words.CONDITIONS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", golden.GOLDEN)
def test_every_golden_history_can_be_said_at_every_epoch(name, language):
    history = golden.GOLDEN[name]
    for k in range(1, len(history.val_loss) + 1):
        said = explain(judge(golden.prefix(history, k)), language)
        assert 1 <= len(said.evidence) <= 3
        everything = " ".join((said.title, said.caption, said.sentence, *said.evidence, said.refuted_by))
        assert "{" not in everything and "nan" not in everything and "None" not in everything


def test_the_golden_histories_cover_every_verdict():
    assert {judge(history).name for history in golden.GOLDEN.values()} == set(NAMES)


def test_the_golden_histories_cover_every_evidence_and_every_condition():
    evidence, conditions = set(), set()
    for history in golden.GOLDEN.values():
        for k in range(1, len(history.val_loss) + 1):
            said = judge(golden.prefix(history, k))
            evidence |= {one.name for one in said.evidence}
            conditions.add(said.refuted_by.name)
    assert evidence == set(words.UNITS)
    assert conditions == set(words.CONDITIONS)


def test_words_follow_the_tier():
    strong, medium = judge(golden.GOLDEN["overfitting seen in pictures"]), judge(golden.GOLDEN["overfitting"])
    assert "while training loss still falls: this is overfitting" in explain(strong).sentence
    assert "while training loss still falls: this looks like overfitting" in explain(medium).sentence
    assert "这就是过拟合" in explain(strong, "zh").sentence
    assert "看起来是过拟合" in explain(medium, "zh").sentence


def test_the_card_reads_as_a_person_would_say_it():
    said = explain(judge(golden.GOLDEN["overfitting seen in pictures"]))
    assert said.title == "Overfitting"
    assert said.caption == "strong evidence, since epoch 31"
    assert said.sentence == "Validation loss has risen for 30 epochs while training loss still falls: this is overfitting."
    assert (
        said.evidence[1] == "Training pictures 98.0\u00a0% right, validation 84.0\u00a0%: a gap of 14.0 points (12.3 to 15.8; medians of 5)"
    )
    assert said.evidence[2] == "Since epoch 25, 60 pictures turned wrong and 20 turned right"
    assert said.refuted_by.startswith("What would change my mind: validation loss (median of 5) below 0.5")
    assert said.refuted_by.endswith("for 6 epochs in a row.")


def test_nothing_is_promised_of_a_run_that_has_ended():
    early = judge(golden.prefix(golden.GOLDEN["overfitting"], 2))
    assert explain(early).sentence.startswith("Too early to say: judged from epoch")
    assert explain(early, ended=True).sentence.startswith("Too short to judge: it ended before epoch")
    for name in golden.GOLDEN:
        whole = judge(golden.GOLDEN[name])
        assert whole.name == "too_early" or explain(whole, ended=True) == explain(whole)


def test_a_rise_is_not_said_to_be_older_than_the_best_epoch():
    moved = replace(judge(golden.GOLDEN["overfitting"]), best_epoch=50)
    assert "has risen for 10 epochs" in explain(moved).sentence


def test_an_easing_signal_is_not_said_to_go_on():
    assert "still falls" not in explain(judge(golden.GOLDEN["easing"])).sentence


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (words._loss, 0.5414, "0.541"),
        (words._loss, 12.34, "12.3"),
        (words._loss, 4120.0, "4,120"),
        (words._loss, -0.00016, "−0.00016"),
        (words._percent, 0.8432, "84.3"),
        (words._percent, -0.02, "−2.0"),
        (words._plain_percent, 0.05, "5"),
        (words._plain_percent, 0.041, "4.1"),
        (words._plain_percent, 0.1221, "12"),
        (words._integer, None, "–"),
    ],
)
def test_numbers_have_sensible_digits(unit, value, text):
    assert unit(value) == text
