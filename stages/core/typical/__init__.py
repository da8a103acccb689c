"""Is a picture like those that a network was trained on? Numbers, limits, and warnings in words."""
