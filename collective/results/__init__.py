"""What a time evolution returns, and how it is kept on disk."""
