"""E2I: questions of cause and effect, answered with cited numbers."""

__version__ = "0.1.0"
