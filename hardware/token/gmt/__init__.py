"""Keys that speak GM/T 0017."""
