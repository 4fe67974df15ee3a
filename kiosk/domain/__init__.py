"""Pure rules and records; imports the standard library and msgspec."""
