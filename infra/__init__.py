"""One description of the service, and its two readers."""
