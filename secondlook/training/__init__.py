"""A network: built, trained so that a killed training resumes, and examined layer by layer.

model.py               build, save, load and ask a classifier; PREDICTION_BATCH images at a time
optimization.py        seeded batches, what is minimised over them, and how the network steps
backbone.py            pretrained networks: levels, blocks, the head alone on what they made once
pretrained_weights.py  weights for them: downloaded or from a file, checked, always the same bytes
epoch_metrics.py       what is measured of every epoch
trainer.py             one training: class weights, batches, network, epochs, what came of it
fitting.py             a training from its first epoch to its last: phases, stopping, resuming
epoch_position.py      where a training is within an epoch, and how it goes on there
checkpoint.py          the state between two batches, saved so that a killed training resumes
environment.py         what makes a run the same run; what else may change the last digits
embedding_distance.py  how far an image is from the training images inside the network
layer_outputs.py       what each layer makes of images, and of one image to be drawn
linear_probe.py        what linear models can read off each layer, as a table

model, optimization and layer_outputs need Keras as soon as they are imported: import them inside
functions. The stage `train` depends on all of this folder.
"""
