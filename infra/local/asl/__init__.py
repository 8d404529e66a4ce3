"""The part of the Amazon States Language (JSONPath) that the workflows use, run here; anything else is refused at load."""
