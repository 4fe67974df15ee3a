"""One token driver a file."""
