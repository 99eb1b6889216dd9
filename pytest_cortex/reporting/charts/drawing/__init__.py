"""Draws what ``content`` holds, with matplotlib's ``Figure`` and never with pyplot."""
