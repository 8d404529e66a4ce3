"""The run_tool function."""
