"""The compose_step function."""
