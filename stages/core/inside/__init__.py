"""What happens inside a network: its layers, what can be read off them, where an answer comes from.

layers.py      what each layer makes of images; the only file here that needs Keras
probe.py       what a linear model can read off it
table.py       both as a table, layer by layer
follow.py      one image on its way through, as levels to be drawn
occlusion.py   which parts of an image an answer rests on
"""
