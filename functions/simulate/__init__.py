"""The simulate function."""
