"""Cards that speak PIV (NIST SP 800-73-4)."""
