"""What each stage leaves for the next: the shape of it, and reading it back."""
