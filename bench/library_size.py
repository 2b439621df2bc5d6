#!/usr/bin/env python3
"""How large is the shared library, stripped?

usage: library_size.py LIBRARY [--json FILE]
"""

import json
import os
import subprocess
import sys
import tempfile

TARGET_MIB = 2


def main(arguments):
    if not arguments or (len(arguments) > 1 and arguments[1] != "--json"):
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        stripped = os.path.join(folder, "stripped.so")
        subprocess.run(["strip", "-o", stripped, arguments[0]], check=True)
        mib = os.path.getsize(stripped) / 2**20
    reached = mib <= TARGET_MIB
    print(f"library_size: {mib:.3f} MiB stripped, target <= {TARGET_MIB} MiB: {'reached' if reached else 'NOT reached'}")
    row = {"measure": "stripped", "unit": "MiB", "contender": "holdfast", "median": mib, "low": mib, "high": mib, "rounds": [mib]}
    ratio = {"measure": "stripped", "ours": "holdfast", "rival": "", "ratio": mib, "low": mib, "high": mib,
             "times": False, "unit": "MiB", "bound": TARGET_MIB, "reached": reached}
    report = {"question": "library_size", "asks": "How large is the shared library?", "full": True, "machine": {},
              "tables": [{"title": "shared library, with the system's libraries", "note": "", "rounds": 1,
                          "rows": [row], "missing": [], "ratios": [ratio]}],
              "plots": [], "skipped": []}
    if len(arguments) > 2:
        with open(arguments[2], "w", encoding="utf-8") as out:
            json.dump(report, out, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
