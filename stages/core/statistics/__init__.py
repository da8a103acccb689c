"""From probabilities to numbers, and how far each number can be trusted."""
