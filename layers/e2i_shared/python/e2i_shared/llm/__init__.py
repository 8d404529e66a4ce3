"""Asking language models: one interface over two providers, with a ledger, budgets, retries and fallbacks; offline by default."""
