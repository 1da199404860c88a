"""What Django looks for management commands in."""
