"""Plumbing that knows no model: checks, files, processes, devices, randomness."""
