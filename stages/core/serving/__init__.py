"""A trained network that answers about pictures."""
