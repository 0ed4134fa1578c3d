"""Our own .npz files, and those of the reference: written whole, read without pickle."""
