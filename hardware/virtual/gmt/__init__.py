"""A GM/T 0017 key in software."""
