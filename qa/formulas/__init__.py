"""Formulas in written answers: found before Markdown reads their backslashes, and shown as MathML."""
