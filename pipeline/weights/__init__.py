"""The weights that are here, those that can be fetched, and their state."""
