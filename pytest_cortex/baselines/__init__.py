"""What earlier runs measured on machines like this one, and what it takes to be slower than that."""
