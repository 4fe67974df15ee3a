"""The kiosk's only network client."""
