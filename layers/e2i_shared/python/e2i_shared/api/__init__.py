"""What crosses a wire: frozen pydantic models without behaviour."""
