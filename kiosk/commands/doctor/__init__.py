"""`keydesk doctor`: what works, what is missing, and what to do about it."""
