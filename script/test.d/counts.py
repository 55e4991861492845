"""How many tests passed and failed, read from what the test programs left behind."""

import re
import xml.etree.ElementTree as ElementTree

# cmocka's closing lines; its programs are one ctest case but hold many tests.
CMOCKA_RUN = re.compile(r"^\[=+\] Running (\d+) test", re.M)
CMOCKA_FAILED = re.compile(r"^\[  FAILED  \] (\d+) test", re.M)


def of_program(output, passed):
    """(passed, failed) of one test program: its own count where it prints one, else one test."""
    ran = sum(int(n) for n in CMOCKA_RUN.findall(output))
    failed = sum(int(n) for n in CMOCKA_FAILED.findall(output))
    if ran == 0 or (failed == 0) != passed:
        return (1, 0) if passed else (0, 1)
    return ran - failed, failed


def of_junit(path):
    """(passed, failed) of a JUnit file of ctest or pytest; skipped tests count as neither."""
    passed = failed = 0
    for case in ElementTree.parse(path).iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        if case.find("skipped") is not None:
            continue
        output = case.findtext("system-out") or ""
        good_here, bad_here = of_program(output, not bad)
        passed, failed = passed + good_here, failed + bad_here
    return passed, failed
