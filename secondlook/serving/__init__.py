"""A trained network that answers about images, and says what speaks against trusting it.

inputs.py        images as people name them, and the files of the network that answers
predictor.py     the network: images in, predictions out, the same bits as in the pipeline
output.py        a prediction, as people and programs read it, and the summary of many
ood_detector.py  is an image out of distribution, or are many taken together (drift)?
ood_causes.py    how unlike, in numbers, and why, in words
occlusion.py     which parts of an image a prediction rests on
pages.py         predictions, or one image inside the network, as pages
pyfunc.py        what `mlflow.pyfunc.load_model` gives
export_format.py a network for other runtimes: written as Keras exports it, and opened there
export_card.py   what an export takes and gives, and whether it answers as the run did

predictor and pyfunc need Keras as soon as they are imported: import them inside functions.
"""
