"""The card knows every verdict that the rules can say."""

import pytest

from engine.diagnosis.rules import RULES
from pages.components.verdict_card import COLOURS


@pytest.mark.slow
def test_every_verdict_has_its_colour_and_no_other_has_one() -> None:
    assert set(COLOURS) == {rule.__name__ for rule in RULES}
