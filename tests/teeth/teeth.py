"""Shows that each planted defect is caught by the test that is named for it.

usage: teeth.py BUILD [NAME...]     BUILD was configured with -Ddefects=true; NAME: only these defects
       teeth.py --programs          which programs of BUILD it runs
       teeth.py --absent FILE       FILE, a library as it is built for users, has no trace of a defect

First the same tests run without a defect, and must pass. Caught means that the test itself said what does not
hold. A test that is ended by a signal, hangs, or does not begin has caught nothing. What the tests wrote is in
BUILD/teeth/NAME.log. The exit status is 0 if nothing survived.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

import defects

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 300
AT_ONCE = 2


def planted_names():
    names = []
    for path in sorted((SOURCE / "src").rglob("*.cpp")):
        names += re.findall(r'\bplanted\("(\w+)"\)', path.read_text(encoding="utf-8"))
    return set(names)


def check_table():
    """Every planted defect has its line, and every line a defect."""
    listed = [defect.name for defect in defects.DEFECTS]
    odd = planted_names() ^ set(listed)
    odd |= {name for name in listed if listed.count(name) > 1}
    if odd:
        sys.exit(f"in src/ or in defects.py, but not in both, or twice: {', '.join(sorted(odd))}")


def traces(library):
    """What of the defects is in the bytes of a library, as a sentence; None: nothing."""
    if b"BEGIN IMMEDIATE" not in library:
        return "this is not our library"
    words = ["HOLDFAST_DEFECT", *(defect.name for defect in defects.DEFECTS)]
    found = [word for word in words if word.encode() in library]
    return f"a product must not have: {', '.join(found)}" if found else None


def run(build, harness, defect, log):
    """What came of it ("passed", "caught", or what else happened), and the seconds."""
    command = [build / "tests" / harness.program]
    if harness.program == "fuzz/fuzz_replay":
        command.append(SOURCE / "tests" / "fuzz" / "corpus")
    elif harness.cases:
        command.append(harness.cases)
    environment = os.environ | {
        "HOLDFAST_HARNESS": harness.scale,
        "HOLDFAST_SOURCE_DIR": str(SOURCE),
        "HOLDFAST_BUILD_DIR": str(build),
        "HOLDFAST_DEFECT": defect,
    }
    started = time.monotonic()
    with open(log, "wb") as out:
        try:
            status = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, timeout=TIMEOUT_S
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
    return judge(status, log.read_text(encoding="utf-8", errors="replace")), time.monotonic() - started


def judge(status, text):
    if status is None:
        return "hung"
    if status != 0 and re.search(r"^does not hold: ", text, re.MULTILINE):
        return "caught"  # as the fuzzers' targets say it, with abort()
    if status < 0 or "fatal error condition" in text:
        return "died"
    if status == 0 and re.search(r"All tests passed|^test cases: .* passed|^calls$", text, re.MULTILINE):
        return "passed"
    if status > 0 and re.search(r"^test cases: .* failed", text, re.MULTILINE):
        return "caught"
    return "did not run"


def describe(harness):
    return f"{harness.program} {harness.cases!r}" if harness.cases else harness.program


def show_teeth(build, names):
    chosen = [defect for defect in defects.DEFECTS if not names or defect.name in names]
    logs = build / "teeth"
    logs.mkdir(exist_ok=True)
    jobs = []
    for number, harness in enumerate(dict.fromkeys(defect.caught_by for defect in chosen)):
        jobs.append((f"(none {number + 1})", "", harness, "passed"))
    for defect in chosen:
        jobs.append((defect.name, defect.name, defect.caught_by, "caught"))

    failures = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [
            pool.submit(run, build, harness, defect, logs / f"{label.strip('()').replace(' ', '-')}.log")
            for label, defect, harness, _ in jobs
        ]
        for (label, _, harness, wanted), done in zip(jobs, runs):
            verdict, seconds = done.result()
            if verdict != wanted:
                failures += 1
                verdict = "SURVIVED" if verdict == "passed" else verdict.upper()
            print(f"{label:34}  {verdict:8}  {seconds:6.1f} s  {describe(harness)}", flush=True)
    print(f"{len(chosen)} planted defects, {failures} failures (the tests without a defect count, too)")
    return failures > 0


def main():
    check_table()
    if sys.argv[1:] == ["--programs"]:
        print(*sorted({f"tests/{defect.caught_by.program}" for defect in defects.DEFECTS}), sep="\n")
        return 0
    if sys.argv[1] == "--absent":
        return sys.exit(traces(pathlib.Path(sys.argv[2]).read_bytes()))
    return show_teeth(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
