"""The cache: which rows it may hold, for which database, and what makes them old."""
