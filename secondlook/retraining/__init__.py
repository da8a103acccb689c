"""A retraining: what changed, whether the new data are sane, who is better, and what came of it.

"Why was this challenger refused?" is answered in the order of these files:

decide.py       the way to a decision, and what one rests on: did that change since the last?
data_checks.py  today's images: what is new, what is gone, and may they be trained on?
champion.py     the model in service, and what it predicts for today's images
gate.py         may this challenger go into service?
log.py          what is said while it goes on, what commands say, and the record as people read it
session.py      what all of it stands in: one at a time, ended in order; the decision carried
                out, and recorded
"""
