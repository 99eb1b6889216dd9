"""Rounds: every arm timed once, back to back, watched for what disturbs it and stopped if it does not end."""
