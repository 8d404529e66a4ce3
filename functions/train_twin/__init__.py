"""The train_twin function."""
