"""Time evolution, steady states and comparisons: what a user calls, and long runs kept on disk."""
