"""From graphs back to files that other tools read."""
