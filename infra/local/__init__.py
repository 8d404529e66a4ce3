"""The description as processes on one machine."""
