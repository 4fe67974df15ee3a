"""The tokens in the readers: choosing, reading, and whose they are."""
