"""Pictures: where they come from, which split they fall in, and how they become arrays."""
