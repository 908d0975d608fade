"""The report of a run: one HTML file that opens anywhere, without a network."""

from vaekit.report.write import summarize, write_report

__all__ = ["summarize", "write_report"]
