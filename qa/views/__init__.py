"""The pages and streams of questions and answers."""
