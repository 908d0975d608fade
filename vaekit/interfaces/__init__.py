"""Interfaces: the command line, scikit-learn and Ray."""
