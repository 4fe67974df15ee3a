"""The kiosk's agent, the only part of a kiosk that uses the network."""
