"""`python -m directions.generators.bundle_probe LOCATION`: loads a bundle and prints what it is, as JSON.

A program of its own, because the web process, beat and manage.py never import torch, and because the digest
that is registered should be the one that the library itself computes. It knows nothing of Django.
"""

from __future__ import annotations

import json
import sys


def main(location: str) -> int:
    from inference import Bundle, InferenceError

    try:
        bundle = Bundle.load(location, device="cpu")
    except InferenceError as error:
        print(json.dumps({"error": {"code": error.code, "message": str(error), "todo": error.todo}}))
        return 2
    generator = bundle.generator
    print(
        json.dumps(
            {
                "name": bundle.name,
                "digest": bundle.digest,
                "family": generator.family,
                "space": generator.space,
                "resolution": generator.resolution,
                "num_layers": generator.num_layers,
                "code_dim": generator.code_dim,
                "thresholds": bundle.thresholds,
                "metric_weights": [float(weight) for weight in bundle.metric_weights],
                "metadata": bundle.metadata,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
