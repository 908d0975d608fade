"""Pages: the report and the comparison, HTML without dependencies."""
