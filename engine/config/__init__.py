"""A run's config: every knob declared once, in small frozen groups. Knows no form, no torch and no store."""

from engine.config.knob import Knob
from engine.config.run import CONFIG_VERSION, KNOBS, RunConfig, read_value

__all__ = ["CONFIG_VERSION", "KNOBS", "Knob", "RunConfig", "read_value"]
