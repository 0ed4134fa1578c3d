"""The commands: flags become values, the library works, one line is printed."""
