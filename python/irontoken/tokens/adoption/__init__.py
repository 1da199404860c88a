"""The way in from other apps: their rows, and how their keys go on working."""
