"""The fidelity_check function."""
