"""The networks, and what judges and stores them."""
