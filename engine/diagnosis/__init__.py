"""What is wrong with a run, how sure that is, what would change the answer, and what to try. Pure functions over recorded numbers.

`judge` decides, `prescribe` proposes, `explain` says it. Knows no store, no training, no screen.
"""

from engine.diagnosis.answers import Answers, balanced_accuracy, compare
from engine.diagnosis.case import Known
from engine.diagnosis.history import History, Pictures, Yardstick
from engine.diagnosis.judging import Alarms, alarms, judge
from engine.diagnosis.prescriptions import prescribe
from engine.diagnosis.verdict import Evidence, Prescription, Refutation, Verdict
from engine.diagnosis.words import Explanation, explain, meaning, remedy, sayable

__all__ = [
    "Alarms", "Answers", "Evidence", "Explanation", "History", "Known", "Pictures", "Prescription", "Refutation", "Verdict", "Yardstick",
    "alarms", "balanced_accuracy", "compare", "explain", "judge", "meaning", "prescribe", "remedy", "sayable",
]  # fmt: skip
