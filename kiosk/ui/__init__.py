"""The Textual screens, which use only the desk's service."""
