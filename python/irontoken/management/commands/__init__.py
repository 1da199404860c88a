"""The management commands: ``manage.py irontoken``."""
