"""Named workloads: the four built-in ones, and real workflows from files."""
