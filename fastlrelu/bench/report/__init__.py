"""The report: what the results say, drawn and written."""
