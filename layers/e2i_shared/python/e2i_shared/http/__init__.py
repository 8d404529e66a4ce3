"""The HTTP edge: what a request must pass before a route sees it, and what every reply carries."""
