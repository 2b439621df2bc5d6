"""The rooms of the house: which may include which, and how large a file or a function may be.

usage: rules.py FOLDER     prints each breach as file:line: reason, and fails if there is one
"""

import pathlib
import re
import sys

STORES = {"checkpoint", "session", "manifest", "run", "state"}
MATERIALS = {"content", "log"}
BELOW_DATABASE = {"vfs", "engine"} | MATERIALS | STORES

# What each room stands on, itself apart. "" is src/ itself, which puts the rooms together.
ROOMS = {
    "vfs": set(),
    "engine": {"vfs"},
    "content": {"engine"},
    "log": {"engine", "content"},  # an entry's payload goes through the content store
    **{room: {"engine"} | MATERIALS for room in STORES},
    "maintain": {"engine"} | MATERIALS,
    "interchange": set(),
    "cli": {"maintain", "interchange"},
    "": BELOW_DATABASE | {"maintain"},
}
RESERVED = {
    "sqlite3": {"vfs", "engine"},
    "SQLiteCpp/": {"vfs", "engine"},
    "schema_sql.hpp": {"engine"},
}
STORE_HEADERS = {store: re.compile(rf"holdfast/{store}s?(_\w+)?\.hpp") for store in STORES}
STANDARD = re.compile(r"<[a-z_0-9]+>")

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70


def includes(lines):
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s+(["<]([^">]+)[">])', line)
        if match:
            yield number, match.group(1), match.group(2)


def room_of(target):
    first, slash, _ = target.partition("/")
    return first if slash and first in ROOMS else None


def check_source(room, lines):
    """A file of src/: other rooms, public headers that belong to those above, and SQLite."""
    for number, _, target in includes(lines):
        other = room_of(target)
        if other and other != room and other not in ROOMS[room]:
            yield number, f"src/{room} must not include {target}"
        if target.startswith("."):
            yield number, f"{target}: name it from src/"
        for name, allowed in RESERVED.items():
            if target.startswith(name) and room not in allowed:
                yield number, f"src/{room} must not include {target}"
        if room in BELOW_DATABASE:
            if target == "holdfast/database.hpp":
                yield number, f"src/{room} stands below the Database"
            for store, header in STORE_HEADERS.items():
                if store != room and header.fullmatch(target):
                    yield number, f"src/{room} must not know the store {store}"


def check_public(name, lines):
    """A public header: the standard library, its like, and the one library that it is named after."""
    for number, written, target in includes(lines):
        if target.startswith("holdfast/") or STANDARD.fullmatch(written):
            continue
        adapts = re.match(rf"{name}\b", target) and not room_of(target)
        if not adapts or target.lower().startswith("sqlite"):
            yield number, f"a public header must not include {target}"


def check_example(lines):
    for number, _, target in includes(lines):
        if room_of(target):
            yield number, f"an example must not include {target}"


def check_sizes(lines):
    if len(lines) > MAX_FILE_LINES:
        yield MAX_FILE_LINES + 1, f"{len(lines)} lines in a file, more than {MAX_FILE_LINES}"
    # The sources are formatted: a body closes at the indentation at which its definition began, 0 for a
    # function and 2 for one inside a class, and everything between is indented further.
    for indent in ("", "  "):
        first = 0
        for number, line in enumerate(lines, 1):
            if re.match(rf"{indent}}}(?!;)(?!  // namespace)", line):
                if number - first >= MAX_FUNCTION_LINES:
                    yield first, f"{number - first + 1} lines in a body, more than {MAX_FUNCTION_LINES}"
            elif re.match(rf"{indent}[A-Za-z_~\[]", line):
                first = number


def breaches(root):
    found = []
    for path in sorted(root.rglob("*.?pp")):
        parts = path.relative_to(root).parts
        if parts[0] not in {"include", "src", "tests", "examples", "bench"}:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        rules = list(check_sizes(lines))
        if parts[0] == "src":
            rules += check_source(parts[1] if len(parts) > 2 else "", lines)
        elif parts[0] == "include":
            rules += check_public(path.stem, lines)
        elif parts[0] == "examples":
            rules += check_example(lines)
        found += [(path.relative_to(root), number, reason) for number, reason in rules]
    return found


if __name__ == "__main__":
    found = breaches(pathlib.Path(sys.argv[1]))
    for path, number, reason in found:
        print(f"{path}:{number}: {reason}")
    sys.exit(1 if found else 0)
