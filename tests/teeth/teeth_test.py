"""What counts as caught, and which tables and libraries are refused."""

import sys
import unittest
import unittest.mock

sys.dont_write_bytecode = True
import defects
import teeth

FAILED = "test cases: 2 | 1 passed | 1 failed\nassertions: 7 | 6 passed | 1 failed\n"
PASSED = "All tests passed (7 assertions in 2 test cases)\n"
WITHOUT_ASSERTIONS = "test cases: 1 | 1 passed\nassertions: - none -\n"


class Judge(unittest.TestCase):
    def test_what_a_test_says_itself_counts(self):
        self.assertEqual(teeth.judge(1, FAILED), "caught")
        self.assertEqual(teeth.judge(-6, "does not hold: the file is sound\n"), "caught")
        self.assertEqual(teeth.judge(0, PASSED), "passed")
        self.assertEqual(teeth.judge(0, WITHOUT_ASSERTIONS), "passed")

    def test_whatever_else_ends_a_test_has_caught_nothing(self):
        self.assertEqual(teeth.judge(None, FAILED), "hung")
        self.assertEqual(teeth.judge(-11, ""), "died")
        self.assertEqual(teeth.judge(1, "due to a fatal error condition:\n" + FAILED), "died")
        self.assertEqual(teeth.judge(127, "cannot open shared object file"), "did not run")
        self.assertEqual(teeth.judge(0, "No test cases matched 'x'\n"), "did not run")


class Table(unittest.TestCase):
    def test_every_planted_defect_is_listed(self):
        teeth.check_table()

    def test_a_defect_that_is_not_listed_or_not_planted_is_noticed(self):
        for listed in (defects.DEFECTS[1:], defects.DEFECTS + [defects.Defect("unplanted", "", None)]):
            with unittest.mock.patch.object(defects, "DEFECTS", listed), self.assertRaises(SystemExit):
                teeth.check_table()

    def test_a_library_with_a_trace_of_a_defect_is_refused(self):
        self.assertIsNone(teeth.traces(b"\x7fELF BEGIN IMMEDIATE"))
        self.assertIn("begin_deferred", teeth.traces(b"\x7fELF BEGIN IMMEDIATE\0begin_deferred"))
        self.assertIsNotNone(teeth.traces(b"!<thin>"))


if __name__ == "__main__":
    unittest.main()
