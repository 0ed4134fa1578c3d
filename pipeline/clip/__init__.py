"""From one video, or many, to results that are cached and resumed."""
