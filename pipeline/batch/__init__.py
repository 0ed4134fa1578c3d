"""Many clips: shares of them, side by side, on this machine or a cluster."""
