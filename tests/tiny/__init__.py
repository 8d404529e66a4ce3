"""A tiny product that the local runtime runs in its tests: a few handlers, a workflow, a queue."""
