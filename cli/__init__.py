"""The e2i command."""
