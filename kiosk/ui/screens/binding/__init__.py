"""The screens of a binding."""
