"""What the kiosk's agent and the centre agree on."""
