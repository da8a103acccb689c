"""What people and schedulers run around the pipeline."""
