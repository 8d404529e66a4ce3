"""Estimating effects: pure numerics, arrays in, frozen results out."""
