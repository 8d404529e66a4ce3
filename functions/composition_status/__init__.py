"""The composition_status function."""
