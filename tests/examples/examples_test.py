"""The examples keep their word: the quick start runs, and an agent that is killed loses no step.

usage: examples_test.py AGENT QUICKSTART FORGET-SESSION
"""

import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile

STEPS = 400
STEP = re.compile(r"step (\d+) committed")
RESUMED = re.compile(r"resuming after step (\d+)")


def require(condition, what):
    if not condition:
        sys.exit(what)


def run(command, folder, status=0):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    require(
        done.returncode == status,
        f"{command}: exit status {done.returncode} instead of {status}\n{done.stdout}{done.stderr}",
    )
    return done.stdout


def work(agent, folder, kill_after):
    """Starts the agent, kills it after so many steps, and returns where it resumed and what it said last."""
    process = subprocess.Popen(
        [agent, "a.holdfast", str(STEPS)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    resumed, steps = 0, []
    for line in process.stdout:
        if match := RESUMED.fullmatch(line.strip()):
            resumed = int(match[1])
        if match := STEP.fullmatch(line.strip()):
            steps.append(int(match[1]))
        if len(steps) == kill_after:
            # What it wrote between this and its death is read by the loop, too.
            process.send_signal(signal.SIGKILL)
    status = process.wait()
    return resumed, steps, status


def test_agent(agent, folder, seed):
    numbers = random.Random(seed)
    acknowledged, kills = 0, 0
    while acknowledged < STEPS:
        resumed, steps, status = work(agent, folder, numbers.randint(1, 60))
        where = f"seed {seed}, after step {acknowledged}"
        # One step may have been committed whose announcement the kill cut off, no more.
        require(acknowledged <= resumed <= acknowledged + 1, f"{where}: resumed at {resumed}")
        if resumed == STEPS:
            break
        require(
            steps == list(range(resumed + 1, resumed + 1 + len(steps))),
            f"{where}: these steps were done: {steps}",
        )
        require(status in (0, -signal.SIGKILL), f"{where}: exit status {status}")
        kills += status != 0
        acknowledged = steps[-1]
        require("they agree" in run([agent, "a.holdfast", "--check"], folder), where)
    require(kills > 0, "the agent was never killed in mid-work")
    total = sum(step * 7 % 100 for step in range(STEPS))
    require(
        f"step {STEPS}, total {total}" in run([agent, "a.holdfast", "--check"], folder),
        f"seed {seed}: the total is not {total}",
    )
    return kills


def main():
    agent, quickstart, forget_session = (
        str(pathlib.Path(path).absolute()) for path in sys.argv[1:]
    )
    seed = int(os.environ.get("HOLDFAST_TEST_SEED", random.randrange(1 << 32)))
    with tempfile.TemporaryDirectory() as folder:
        kills = test_agent(agent, folder, seed)
        for arguments in ([], ["a.holdfast"], ["a.holdfast", "x"], ["a.holdfast", "5", "--delay-ms"]):
            run([agent, *arguments], folder, status=2)
        run([agent, "missing.holdfast", "--check"], folder, status=1)
        run([forget_session, "a.holdfast"], folder)
        run([agent, "a.holdfast", "--check"], folder, status=3)
        run([agent, "a.holdfast", str(STEPS + 1)], folder, status=3)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            require("order-1 is paid" in run([quickstart], folder), "the quick start says nothing")
    print(f"seed {seed}: {STEPS} steps, the agent killed {kills} times in between")


main()
