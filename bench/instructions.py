#!/usr/bin/env python3
"""Counts the instructions of the hot paths, and compares them with those on record.

usage: instructions.py PROGRAM            fails if a path takes over 5 % more than bench/instructions.json says
       instructions.py PROGRAM --record   writes what was counted into it

PROGRAM is hot_paths, as the build made it. A count holds for one compiler and one version of SQLite and of the C
library; where there is none on record for these, or no valgrind, it says so and succeeds. What the libraries choose by the
kind of CPU is switched off: it makes up to 3 % of a path.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

RECORD = pathlib.Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05
PLAIN_CPU = {
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-FSRM,-BMI2,-AVX512F,-AVX512VL",
    "OPENSSL_ia32cap": "0:0",
}


def count(program, calls):
    """Instructions of one call of each path."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(program), prefix="instructions-") as folder:
        command = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", "--combine-dumps=no",
                   f"--callgrind-out-file={folder}/out", program, folder]
        subprocess.run(command, check=True, env={**os.environ, **PLAIN_CPU})
        paths = {}
        for dump in sorted(pathlib.Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:])):
            text = dump.read_text(encoding="utf-8", errors="replace")
            name = re.search(r"^desc: Trigger: Client Request: (.+)$", text, re.MULTILINE)
            total = re.search(r"^totals: (\d+)$", text, re.MULTILINE)
            if name and total:
                paths[name[1]] = int(total[1]) // calls
    return paths


def compare(counted, recorded):
    """Prints a line per path; the paths that take too many."""
    worse = []
    for path, now in counted.items():
        before = recorded.get(path)
        if before is None:
            print(f"{path:20} {now:10,}  not on record")
            worse.append(path)
            continue
        change = now / before - 1
        verdict = "ok"
        if change > TOLERANCE:
            verdict = "MORE than is allowed"
            worse.append(path)
        elif change < -TOLERANCE:
            verdict = "less: record it"
        print(f"{path:20} {now:10,}  on record {before:10,}  {change:+7.2%}  {verdict}")
    worse += [path for path in recorded if path not in counted]
    return worse


def main(arguments):
    if not arguments or arguments[1:] not in ([], ["--record"]):
        sys.exit(__doc__)
    program = os.path.abspath(arguments[0])
    if not shutil.which("valgrind"):
        print("instructions skipped: valgrind is not installed")
        return
    facts = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    calls, place = int(facts[0].split()[1]), facts[1]
    on_record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    if arguments[1:]:
        on_record[place] = count(program, calls)
        RECORD.write_text(json.dumps(on_record, indent=2) + "\n", encoding="utf-8")
    elif place not in on_record:
        print(f"instructions skipped: nothing is on record for {place}")
    else:
        print(f"instructions per call, {place}")
        worse = compare(count(program, calls), on_record[place])
        if worse:
            sys.exit(f"instructions: look at {', '.join(worse)}; if it must be so: {sys.argv[0]} {arguments[0]} --record")


if __name__ == "__main__":
    main(sys.argv[1:])
