"""The rules notice each kind of breach, and let pass what is allowed."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import rules


def include(*targets):
    return "".join(f"#include {target}\n" for target in targets)


def body(lines):
    return "int f(int a,\n      int b) {\n" + "  a += b;\n" * (lines - 3) + "}\n"


FORBIDDEN = {
    "src/vfs/a.cpp": '"engine/connection.hpp"',
    "src/engine/a.cpp": '"content/content.hpp"',
    "src/content/a.cpp": '"log/log.hpp"',
    "src/log/a.cpp": "<sqlite3.h>",
    "src/log/b.cpp": "<SQLiteCpp/SQLiteCpp.h>",
    "src/run/a.cpp": '"session/session.hpp"',
    "src/run/b.cpp": '"holdfast/session.hpp"',
    "src/run/c.cpp": '"holdfast/database.hpp"',
    "src/run/d.cpp": '"vfs/shim.hpp"',
    "src/run/e.cpp": '"../session/session.hpp"',
    "src/state/a.hpp": '"schema_sql.hpp"',
    "src/maintain/a.cpp": '"run/run.hpp"',
    "src/interchange/a.cpp": '"engine/query.hpp"',
    "src/cli/a.cpp": '"engine/query.hpp"',
    "src/database.cpp": '"cli/show.hpp"',
    "include/holdfast/a.hpp": "<sqlite3.h>",
    "include/holdfast/b.hpp": "<nlohmann/json.hpp>",
    "include/holdfast/sqlite3.hpp": "<sqlite3.h>",
    "include/holdfast/engine.hpp": '"engine/engine.hpp"',
    "examples/a.cpp": '"engine/query.hpp"',
}
ALLOWED = {
    "src/engine/a.cpp": ['"vfs/shim.hpp"', "<sqlite3.h>", "<SQLiteCpp/SQLiteCpp.h>", '"schema_sql.hpp"'],
    "src/run/a.cpp": ['"run/run.hpp"', '"log/log.hpp"', '"engine/query.hpp"', '"holdfast/runs.hpp"', "<map>"],
    "src/database.cpp": ['"run/run.hpp"', '"session/session.hpp"', '"holdfast/database.hpp"'],
    "src/cli/a.cpp": ['"interchange/folder.hpp"', '"holdfast/database.hpp"', "<CLI/CLI.hpp>"],
    "include/holdfast/spdlog.hpp": ["<spdlog/spdlog.h>", '"holdfast/log.hpp"', "<string>"],
    "tests/run/a.cpp": ['"engine/query.hpp"', "<sqlite3.h>"],
    "build/a.cpp": ["<anything.h>"],
}


class Rules(unittest.TestCase):
    def breaches(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return [(str(path), line) for path, line, _ in rules.breaches(pathlib.Path(folder))]

    def test_each_forbidden_include_is_a_breach(self):
        files = {name: include("<vector>", target) for name, target in FORBIDDEN.items()}
        self.assertEqual(set(self.breaches(files)), {(name, 2) for name in FORBIDDEN})

    def test_what_a_room_stands_on_is_allowed(self):
        self.assertEqual(self.breaches({n: include(*t) for n, t in ALLOWED.items()}), [])

    def test_files_end_at_their_limit(self):
        fits, exceeds = "int a;\n" * rules.MAX_FILE_LINES, "int a;\n" * (rules.MAX_FILE_LINES + 1)
        found = self.breaches({"src/run/a.cpp": fits, "tests/run/b.cpp": exceeds})
        self.assertEqual(found, [("tests/run/b.cpp", rules.MAX_FILE_LINES + 1)])

    def test_functions_end_at_their_limit(self):
        fits, exceeds = body(rules.MAX_FUNCTION_LINES), body(rules.MAX_FUNCTION_LINES + 1)
        namespace = "namespace a {\n\n{}\n}  // namespace a\n"
        found = self.breaches({
            "src/run/a.cpp": namespace.replace("{}", fits + "\n" + fits),
            "src/run/b.cpp": namespace.replace("{}", fits + "\n" + exceeds),
        })
        self.assertEqual(found, [("src/run/b.cpp", 3 + rules.MAX_FUNCTION_LINES + 1)])

    def test_methods_inside_a_class_have_the_same_limit(self):
        inside = "".join("  " + line + "\n" for line in body(rules.MAX_FUNCTION_LINES + 1).splitlines())
        found = self.breaches({"src/run/a.hpp": "class A {\n public:\n" + inside + "};\n"})
        self.assertEqual(found, [("src/run/a.hpp", 3)])


if __name__ == "__main__":
    unittest.main()
