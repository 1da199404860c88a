"""The tables of issued tokens."""
