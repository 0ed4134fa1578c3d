"""Folders of results: whose they are, who writes in them, what of them is up to date."""
