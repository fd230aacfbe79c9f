"""The report: sections of blocks, and how they become a page or a text."""
