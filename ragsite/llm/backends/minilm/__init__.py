"""all-MiniLM-L6-v2 in numpy: its files, its word pieces, its forward pass."""
