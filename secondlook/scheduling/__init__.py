"""Many runs at once, on this machine.

jobs.py  how many, in which order, on which GPU; each under a dvc of its own, to its end

dvc stays the one who knows what is stale and what a run is; here is decided when each is trained.
"""
