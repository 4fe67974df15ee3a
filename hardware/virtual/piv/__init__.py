"""A PIV card in software."""
