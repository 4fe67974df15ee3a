"""Everything on one machine: the same three processes, with virtual devices and example members."""
