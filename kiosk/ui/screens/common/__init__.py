"""Screens that lie over others or serve several."""
