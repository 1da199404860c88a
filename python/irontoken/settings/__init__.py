"""The ``IRONTOKEN`` setting: each option is declared once, and read when it is asked for."""
