"""What a test calls: measures, judges by the rules of the run, and keeps what was found."""
