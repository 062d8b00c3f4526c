"""Questions and answers: shared by key, taken newest first, withdrawn by form, tried twice, forgotten in time."""

import pytest

from engine.store import requests
from engine.store.connect import Store
from engine.store.requests import Question


def put(store: Store, name: str, kind: str = "facts", form: str | None = None) -> bool:
    return requests.put(store, Question(name, kind, {"name": name}), form)


def taken(store: Store) -> list[str]:
    found = []
    while (question := requests.take(store)) is not None:
        found.append(question.key)
    return found


def state(store: Store, key: str) -> str | None:
    found = requests.read(store, key)
    return None if found is None else found.state


def test_an_answer_is_there_for_all_who_ask(store: Store) -> None:
    assert put(store, "a")
    question = requests.take(store)
    assert question == Question("a", "facts", {"name": "a"})
    assert state(store, "a") == "working"
    requests.finish(store, "a", {"parameters": 7}, b"png")
    assert not put(store, "a")
    found = requests.read(store, "a")
    assert found is not None
    assert (found.state, found.answer, found.picture, found.reason, found.ready) == ("done", {"parameters": 7}, b"png", None, True)
    assert taken(store) == []


def test_the_newest_comes_first_and_measurements_last(store: Store) -> None:
    for name, kind in [("p", "probe"), ("a", "facts"), ("b", "preview"), ("q", "probe")]:
        put(store, name, kind)
    put(store, "a")  # asked again, so it is newest
    assert taken(store) == ["a", "b", "q", "p"]


def test_slow_kinds_can_be_left_for_later(store: Store) -> None:
    put(store, "p", "probe")
    put(store, "a", "facts")
    first, second = (requests.take(store, besides=requests.SLOW) for _ in range(2))
    assert first is not None
    assert (first.key, second) == ("a", None)


def test_a_form_waits_for_its_newest_question_only(store: Store) -> None:
    put(store, "a", "preview", "form 1")
    put(store, "b", "preview", "form 2")
    put(store, "f", "facts", "form 1")
    put(store, "c", "preview", "form 1")
    assert state(store, "a") is None
    assert taken(store) == ["c", "f", "b"]


def test_a_question_of_two_forms_stays_for_the_other(store: Store) -> None:
    put(store, "a", "preview", "form 1")
    put(store, "a", "preview", "form 2")
    put(store, "b", "preview", "form 1")
    assert state(store, "a") == "waiting"
    put(store, "b", "preview", "form 2")
    assert state(store, "a") is None


def test_a_question_without_a_form_must_be_answered(store: Store) -> None:
    put(store, "a", "probe", "form 1")
    put(store, "a", "probe")
    put(store, "b", "probe", "form 1")
    assert taken(store) == ["b", "a"]


def test_what_is_worked_on_is_withdrawn_too_and_its_answer_is_dropped(store: Store) -> None:
    put(store, "a", "probe", "form 1")
    requests.take(store)
    assert requests.wanted(store, "a")
    put(store, "b", "probe", "form 1")
    assert not requests.wanted(store, "a")
    requests.finish(store, "a", {})
    assert state(store, "a") is None


def test_the_answer_to_a_withdrawn_question_is_not_taken_for_its_successor(store: Store) -> None:
    put(store, "a", "probe", "form 1")
    requests.take(store)
    put(store, "b", "probe", "form 1")
    put(store, "a", "probe", "form 1")
    requests.finish(store, "a", {})
    assert state(store, "a") == "waiting"


def test_a_question_over_which_its_servant_died_is_asked_once_more(store: Store) -> None:
    put(store, "a")
    requests.take(store)
    requests.recover(store)
    assert state(store, "a") == "waiting"
    assert taken(store) == ["a"]
    requests.recover(store)
    found = requests.read(store, "a")
    assert found is not None
    assert (found.state, found.answer, found.reason) == ("failed", None, {"key": "servant.died", "fields": {}})
    assert not put(store, "a")
    assert taken(store) == []


def test_a_servant_that_goes_leaves_its_question_as_if_not_begun(store: Store) -> None:
    put(store, "a")
    for _ in range(3):
        assert taken(store) == ["a"]
        requests.give_back(store)
        requests.recover(store)
    assert state(store, "a") == "waiting"


def test_a_failure_may_be_mended_and_is_asked_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, "a")
    requests.take(store)
    requests.fail(store, "a", {"key": "data.folder_missing", "fields": {}})
    assert not put(store, "a")
    monkeypatch.setattr(requests, "STALE", -1.0)
    assert put(store, "a")
    found = requests.read(store, "a")
    assert found is not None
    assert (found.state, found.answer, found.reason, found.answered_at) == ("waiting", None, None, None)


def test_measurements_age_and_facts_do_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "TRUE_FOR", {"probe": -1.0})
    for name, kind in [("p", "probe"), ("a", "facts")]:
        put(store, name, kind)
        requests.take(store)
        requests.finish(store, name, {})
    assert put(store, "p", "probe")
    assert not put(store, "a")


def test_old_answers_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "KEPT", 3)
    put(store, "waits", "probe")
    for name in "abcd":
        put(store, name)
        requests.take(store)
        requests.finish(store, name, {})
    assert [state(store, name) for name in ("a", "b", "c", "d", "waits")] == [None, "done", "done", "done", "waiting"]


def test_large_pictures_are_forgotten_sooner(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "KEPT_BYTES", 100)
    for name in "ab":
        put(store, name, "preview")
        requests.take(store)
        requests.finish(store, name, {}, b"x" * 80)
    assert [state(store, name) for name in "ab"] == [None, "done"]
