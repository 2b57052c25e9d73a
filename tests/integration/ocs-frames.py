"""Prints, as JSON, how many samples the .g3 files below /data hold, by the address of their feed."""

import json
from collections import Counter
from pathlib import Path

import so3g  # noqa: F401 (its frames' types)
from spt3g import core

samples = Counter()
for file in sorted(Path("/data").glob("*/*.g3")):
    try:
        for frame in core.G3File(str(file)):
            if "blocks" in frame:
                samples[frame["address"]] += sum(len(block.times) for block in frame["blocks"])
    except RuntimeError:
        pass  # The file that is being written ends in the middle of a frame.
print(json.dumps(samples))
