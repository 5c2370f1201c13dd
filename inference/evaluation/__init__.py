"""Evidence on directions against the drawn world's ground truth.

In a drawn world every claim can be a number: does a direction change what it says, how much else, on whom.
This package measures; it changes no direction and trains no generator. Nothing is imported here, so that the
names (`judged`) and the pairs (`pair_kinds`) stay usable without torch.
"""
