"""What can be said of runs: each rule looks at a case and speaks, or keeps silent.

case.py              all that a rule may look at
worth.py             does a run answer the same to everything, or by what is it better than that?
verdicts.py          the rules in their order, and which of their verdicts are told
accuracy.py          is a run better than the lazy baseline, and does it find what was asked for?
ranking.py           which run is best, and is that more than chance?
probabilities.py     can probabilities be believed, and where is the line between no and yes?
contrasts.py         what weighting did, and what a pretrained network brought
training_choices.py  trained too long, too short or stopped in time
data_quality.py      can the images be trusted, and which of them are to be looked at?

The rule `x` of a verdict is the function judge_x.
"""
