"""Orders: placing, payment, receipts."""
