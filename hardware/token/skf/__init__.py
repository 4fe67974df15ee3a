"""Keys that a vendor's own library reaches (GM/T 0016, "SKF"); the library runs in a process of its own."""
