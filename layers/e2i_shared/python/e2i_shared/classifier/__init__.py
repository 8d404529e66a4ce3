"""From a question to a route, in four stages."""
