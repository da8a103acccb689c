"""Many runs at once: on this machine, or on the nodes of a cluster.

batch.py           many jobs to their end, and what is told of those that failed
jobs.py            trainings as jobs: in which order, how far each is, so many at a time
job_table.py       what a terminal shows of all jobs
local_engine.py    jobs on this machine: how many at once, on which GPU, each under a dvc of its own
fork_server.py     a process with the libraries, which forks one for each stage of such a job
fork_client.py     a stage that is done by such a child, for whom dvc started
dvc_lock.py        the entries of dvc.lock as text: put in order, and carried between projects
cluster.py         home: what nodes are given, and how what they return becomes the project's own
ray_engine.py      Ray: tasks on nodes, what they say, and what becomes of them
ray_connection.py  a connection to Ray: made, checked, asked what nodes have room for
node.py            what a node does for one run: clone, pull, train, evaluate, push

dvc stays the one who knows what is stale and what a run is; here is decided where and when each
is trained.
"""
