"""What is wrong with a run, how sure that is, and what would change the answer. Pure functions over recorded numbers.

`judge` decides, `explain` says it. Knows no store, no training, no screen.
"""

from engine.diagnosis.history import History, PerImage
from engine.diagnosis.judging import first_alarm, judge
from engine.diagnosis.verdict import Evidence, Refutation, Verdict
from engine.diagnosis.words import Explanation, explain, meaning

__all__ = ["Evidence", "Explanation", "History", "PerImage", "Refutation", "Verdict", "explain", "first_alarm", "judge", "meaning"]
