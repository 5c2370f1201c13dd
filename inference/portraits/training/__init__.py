"""Training of the embedded generator on the drawn world, from nothing to a bundle.

Stages are in `trainer.py`, pictures in `data.py`, the measured numbers of a bundle in `calibrate.py`, the
held-out figures in `evaluate.py`; `python -m inference train-portraits` drives them. Nothing here is needed
to use a bundle.
"""
