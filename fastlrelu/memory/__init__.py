"""Large blocks of NumPy's memory, kept and used again."""
