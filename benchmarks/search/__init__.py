"""Searches of this project against the exact scan and against others, on the same rows."""
