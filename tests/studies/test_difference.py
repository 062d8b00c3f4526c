"""In which knobs runs differ, and when their numbers may be held against each other."""

from engine.config import RunConfig
from engine.studies.difference import differing, same_validation


def flat(**knobs: object) -> dict[str, object]:
    return RunConfig.from_flat(knobs).flat()


def test_only_what_differs_is_named_in_order_of_declaration() -> None:
    assert differing([flat(), flat(weight_decay=1e-3, dropout=0.5)]) == ["dropout", "weight_decay"]
    assert differing([flat(), flat()]) == []


def test_a_knob_that_an_old_run_did_not_have_differs() -> None:
    old = flat()
    del old["l1"]
    assert differing([old, flat()]) == ["l1"]


def test_other_data_or_another_share_is_another_validation_set() -> None:
    assert same_validation([flat(), flat(resolution=64, seed=3, train_share=0.1)])
    assert not same_validation([flat(), flat(dataset="cifar10")])
    assert not same_validation([flat(), flat(validation_share=0.3)])
    assert not same_validation([flat(), flat(twins="near")])
