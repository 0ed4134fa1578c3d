"""A camera or a stream to poses while they happen: what comes in, what goes out, the command."""
