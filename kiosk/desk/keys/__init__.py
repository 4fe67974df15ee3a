"""Services on a key outside an order."""
