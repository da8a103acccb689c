"""What the report shows, and how it is drawn: numbers in, one HTML page and pictures out.

context.py             everything that the templates name, section by section: read this first
render.py              templates filled, and matplotlib's SVG made fit to stand in a page
theme.py               lines, panels and colours: each run in its style everywhere
figures.py             panels, confusion matrices and feature maps drawn; alone imports matplotlib
learning_curves.py     loss and accuracy over the epochs
probability_charts.py  precision, recall and ROC over the thresholds; calibration, log loss
leaderboard.py         runs side by side, best first
sweep_view.py          what sweeps searched: figures, what mattered, the best and its luck
tables.py              differences, parameters, classes run by run; the champion over time
text.py                what the page says in sentences
thumbnails.py          images of the data as small pictures: classes and mistakes
feature_maps.py        what each layer makes of one image, as pictures
network_view.py        the layers of a network: table, chart, sentences, feature maps
templates/             report.html.j2 and its parts; the pages of `predict` and `inspect`

It reads typed files of artifacts/ and evaluation/, and computes nothing that they should hold.
"""
