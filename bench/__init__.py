"""What is measured, and how: README.md says what each file does."""
