"""What is known and stored: skeletons, cameras, typed structures, file formats."""

__version__ = "0.3.0"
