"""Carries the kiosk's journal to the centre and the centre's decisions back."""
