"""all-MiniLM-L6-v2 in numpy: weights, WordPiece tokenizer and forward pass."""
