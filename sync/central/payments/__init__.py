"""The payer's page and the provider behind it."""
