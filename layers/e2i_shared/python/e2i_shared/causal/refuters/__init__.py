"""Refuters, one per file behind one Protocol."""
