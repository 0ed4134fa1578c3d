"""What is known and stored: skeletons, cameras, typed structures, file formats."""
