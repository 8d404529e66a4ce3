"""The dispatch_training function."""
