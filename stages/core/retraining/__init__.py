"""A retraining: what changed, whether the new data are sane, who is better, and what came of it.

session.py      one at a time (lock.py), ended in order (signals.py), told to people and commands
transcript.py   what is said while it goes on, and what DVC and other commands say
draft.py        the record while it is made; wording.py as people read it
changes.py      what a decision rests on, and whether it changed since the last one
judging.py      the way to a decision
todays.py       today's images; champion.py the model in service, opponent.py before these images
sanity.py       may these data be trained on? gate.py may this challenger go into service?
promoting.py    the decision carried out, and recorded
"""
