"""Master equations beyond the rotating-wave approximation: `interaction`, `master_equation`."""
