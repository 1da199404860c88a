"""The fleet: what other hosts write is heard over a bus that is there already."""
