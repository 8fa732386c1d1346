"""The machinery of the reproduction. The README's map says which room does what."""
