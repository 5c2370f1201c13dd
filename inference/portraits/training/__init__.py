"""Training of the embedded generators on the drawn world, from nothing to a bundle.

Two ways, `known_codes.py` and `label_free.py`, run by `trainer.py` on the pictures of `data.py`; the measured
numbers of a bundle are in `calibrate.py`; held-out figures are made elsewhere, in `inference/evaluation/`.
`python -m inference train-portraits` drives them. Nothing here is needed to use a bundle.
"""
