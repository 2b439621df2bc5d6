"""README keeps its word: its program compiles and runs, and each of its queries answers in a plain shell.

usage: readme_test.py README BUILD-FOLDER COMPILER...
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    readme, build, compiler = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    text = readme.read_text(encoding="utf-8")
    program = blocks(text, "cpp")[0]
    lines = [line for line in program.splitlines() if line.strip()]
    if len(lines) > 35:
        sys.exit(f"the program has {len(lines)} lines; a reader was promised about thirty")
    if (readme.parent / "examples" / "quickstart.cpp").read_text(encoding="utf-8") != program:
        sys.exit("examples/quickstart.cpp is not the program that README shows")
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "app.cpp")
        source.write_text(program, encoding="utf-8")
        flags = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        includes = [f"-I{readme.parent / 'include'}", f"-I{build / 'include'}"]
        library = [f"-L{build / 'src'}", f"-Wl,-rpath,{build / 'src'}", "-lholdfast"]
        run([*compiler, *flags, *includes, "app.cpp", "-o", "app", *library], folder)
        output = run(["./app"], folder)
        for promised in ("order-1 is paid", "conflict: "):
            if promised not in output:
                sys.exit(f"the program did not print {promised!r}:\n{output}")
        run(["./app"], folder)  # a second run finds what the first one kept
        if shutil.which("sqlite3") is None:
            sys.exit("the sqlite3 shell is not there")
        queries = blocks(text, "sql")
        if len(queries) < 6:
            sys.exit(f"only {len(queries)} queries are in README")
        for query in queries:
            if not run(["sqlite3", "-readonly", "app.holdfast", query], folder).strip():
                sys.exit(f"no row came of: {query}")
    print(f"the program ran, and {len(queries)} queries answered")


main()
