"""Enterprises, operators, the desk's staff and fee schedules, published to the kiosks."""
