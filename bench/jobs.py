"""All measurements, and the process that one of them runs in.

`python bench/jobs.py JOB PEER DATA` runs one measurement once, in a process of its own with default threads, and prints
one JSON object: `seconds` (of the work alone, imports and warm-up excluded), `peak_mib` (of the process or, where the
work is a command, of the command), and whatever else the job reports. The measurements stand by their kind in the
files that are imported here, one function each; their inputs are those of inputs.py.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys

import depth_jobs  # noqa: F401 - each registers its jobs
import ingest_jobs  # noqa: F401
import integrity_jobs  # noqa: F401
import reading_jobs  # noqa: F401
import writing_jobs  # noqa: F401
from measuring import JOBS


def own_peak_mib() -> float:
    """Of this program; getrusage would tell that of the one that began it where that is more."""
    status = pathlib.Path("/proc/self/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    name, peer, data = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    measured = JOBS[name, peer](data)
    measured.setdefault("peak_mib", own_peak_mib())
    print(json.dumps(measured), flush=True)
    os._exit(0)  # some peers' threads end a process that ends by itself with an abort


if __name__ == "__main__":
    main()
