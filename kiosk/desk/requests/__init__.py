"""What members ask for after paying: delivery, invoice, one more operator; and what is kept of their personal facts."""
