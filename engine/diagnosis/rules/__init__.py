"""The rules in order of precedence: each looks at a case and says a verdict or None.

A new verdict is one function in one of these files, one place in `RULES`, and its words. Knows no words itself.
"""

from engine.diagnosis.rules.beginning import diverged, not_learning, too_early
from engine.diagnosis.rules.finding import Rule
from engine.diagnosis.rules.fitting import healthy, plateau, underfitting, undertrained, unstable
from engine.diagnosis.rules.generalisation import data_suspect, generalisation_gap, memorising, overconfident, overfitting, watch

# Diverged before too early: what is certain waits for nothing. Overconfident before watch: it is a watch of which more is known. Unstable
# before what rests on flat curves: noise makes anything flat.
RULES: tuple[Rule, ...] = (
    diverged, too_early, data_suspect, not_learning, memorising, overfitting, overconfident, watch, generalisation_gap, undertrained,
    unstable, underfitting, plateau, healthy,
)  # fmt: skip
