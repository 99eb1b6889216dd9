"""The options: what they mean, how values are read, and which of their sources wins."""
