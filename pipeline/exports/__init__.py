"""3D poses made ready for files of other programs, and the table of those files."""
