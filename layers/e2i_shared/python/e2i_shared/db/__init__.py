"""Postgres: connections, SQL files, one repository module per subject."""
