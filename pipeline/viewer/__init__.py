"""What is shown in a browser: a page for a clip, in one file, and a gallery of clips."""
