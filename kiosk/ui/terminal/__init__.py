"""The terminal before the desk: what it sends, and what is written to it."""
