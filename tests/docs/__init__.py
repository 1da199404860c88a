"""The documents as a reader takes them: each page is done from top to bottom, as it is written."""
