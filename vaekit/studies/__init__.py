"""Many trainings that belong together: the same with several seeds, or with several options."""
