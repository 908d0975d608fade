"""Runs: from data to a trained model in its folder, and what can be asked of it."""
