"""Overlays, and screens that serve several services."""
