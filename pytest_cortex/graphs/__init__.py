"""What is known of an operation by its graph, and of its modules by watching them from inside."""
