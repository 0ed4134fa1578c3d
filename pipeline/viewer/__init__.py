"""What is shown in a browser: one page for a clip, in one file."""
