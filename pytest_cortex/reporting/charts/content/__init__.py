"""What each chart shows, as numbers and words, and the same in one paragraph; nothing here draws."""
