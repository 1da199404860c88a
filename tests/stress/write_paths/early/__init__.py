"""An app that stands before irontoken and writes when it is ready."""
