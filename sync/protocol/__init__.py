"""The protocol between the kiosk's agent and the centre."""
