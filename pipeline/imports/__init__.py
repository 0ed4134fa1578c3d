"""3D poses that were exported, and perhaps edited elsewhere, read back."""
