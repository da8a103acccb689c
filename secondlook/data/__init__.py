"""Images: where they come from, which split they fall in, and how they become arrays.

splitting.py        what every source gives, one item an image, and the split it falls in
sources.py          where images come from: a CSV list, or one of those below
class_folders.py    folders named after classes, also under folders named after splits
archived_folders.py the same in tar and zip archives, read without unpacking
archive_shards.py   archives that belong together: found, listed, read by the ids of files
archives.py         one archive: what is in it, and what is refused
sample_labels.py    files beside pictures that name their class, as WebDataset has them
idx.py              the format of MNIST, and pairs of such files as a source
image_files.py      which files below a folder are pictures, and what is passed over
decoding.py         an image's bytes -> uint8 (H, W, C), the same for training and serving
image_features.py   what an image is like, in a dozen numbers that people have words for
similarity.py       how alike two images are: correlation, and perceptual hash
image_store.py      what was decoded before, so that what is new alone is decoded
decoded_shards.py   what is known of the images of a shard, beside their pixels
split_summary.py    what became of a split: classes, sizes, levels, and what was rejected
profile.py          what training images are like: ranges of the features
near_duplicates.py  images that look the same and are not the same bytes

Only `split`, `preprocess` and what asks a network reach this room: `train` and the stages after
it do not depend on it.
"""
