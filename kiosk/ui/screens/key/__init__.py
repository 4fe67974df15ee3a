"""The screens of the key services."""
