"""How many threads a call may use, whether it uses them, and their parallel region."""
