"""The state that the journals of all kiosks make: orders, the register of certificates, accounts, disputes."""
