"""The catalogue of analytic tools: one module per tool."""
