"""Chinese and English wording, cell widths and line breaking."""
