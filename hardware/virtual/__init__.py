"""Cards, printer and scanner in software."""
