"""Estimators, one per file behind one Protocol."""
