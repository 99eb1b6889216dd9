"""From numbers to a verdict: no clock, no test, no scenario, no file."""
