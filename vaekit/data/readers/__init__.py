"""Readers: one file for each kind of data that can be opened."""
