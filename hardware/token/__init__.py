"""Token drivers: one folder for each protocol, and the registry that chooses among them."""
