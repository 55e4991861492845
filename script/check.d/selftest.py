"""Shows that every check goes red: a small clean project must pass, one with each fault must not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PLACE = TOP / "build" / "check" / "selftest"
BUILD_FILES = ("CMakePresets.json", ".clang-format", ".clang-tidy", "cmake/flags.cmake", "cmake/module.cmake")

MODULES = """cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES C)
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
list(APPEND CMAKE_MODULE_PATH ${CMAKE_SOURCE_DIR}/cmake)
include(flags)
include(module)
gw_module(base)
gw_module(wire base)
gw_module(side base)
"""


def header(name, lines="", guard=None):
    guard = guard or "GW_" + name.replace("/", "_").upper() + "_H"
    return (f"/*\n * {name}: a part of the small project.\n *\n * Layer   one. Pure.\n * Owner   nobody.\n"
            f" * Life    none.\n * Limits  none.\n */\n#ifndef {guard}\n#define {guard}\n\n{lines}\n#endif\n")


def source(name, body, more=""):
    return f'#include "{name}.h"\n{more}\n{body}'


CLEAN = {
    "CMakeLists.txt": MODULES,
    ".gitignore": "build/\n",
    "script/check.d/pure": "memcpy\n",
    "script/check.d/allow-base": "# nothing more\n",
    "script/check.d/allow-wire": "# nothing more\n",
    "script/check.d/nouns": "base/good  fine\n",
    "script/check.d/long-notes": "0\n",
    "src/base/good.h": header("base/good", "int gw_good_one(void);\nint gw_fine_two(int value);\n"),
    "src/base/good.c": source("base/good", "int gw_good_one(void)\n{\n    return 1;\n}\n\n"
                              "int gw_fine_two(int value)\n{\n    if (value > 2)\n        return 2;\n"
                              "    return value;\n}\n"),
    "src/wire/user.h": header("wire/user", '#include "base/good.h"\n\nint gw_user_three(void);\n'),
    "src/wire/user.c": source("wire/user", "int gw_user_three(void)\n{\n    return gw_good_one() + 2;\n}\n"),
    "src/side/other.h": header("side/other", "int gw_other_four(void);\n"),
    "src/side/other.c": source("side/other", "int gw_other_four(void)\n{\n    return 4;\n}\n"),
}

NESTED = ("int gw_deep_x(int a)\n{\n    if (a > 1)\n        for (int i = 0; i < a; i++)\n            while (a < 9) {\n"
          "                switch (a) {\n                case 1:\n                    if (i > 3)\n"
          "                        return 1;\n                }\n                a++;\n            }\n    return 0;\n}\n")

# file: (content, check, what it must say); each is one fault and no more than it says.
FAULTS = {
    "src/base/upward.h": (header("base/upward", '#include "wire/user.h"\n'),
                          "layers", "base may not include wire"),
    "src/base/absent.h": (header("base/absent", '#include "base/nothing.h"\n'),
                          "layers", '"base/nothing.h" is no file under src/'),
    "src/stray/thing.h": (header("stray/thing"), "layers", "folder stray has no gw_module line"),
    "src/base/late.c": ('#include <stddef.h>\n\n#include "base/late.h"\n\nint gw_late_x(void)\n{\n    return 0;\n}\n',
                        "layers", 'the first include must be its own header "base/late.h"'),
    "src/base/late.h": (header("base/late", "int gw_late_x(void);\n"), None, None),
    "src/base/ring.h": (header("base/ring", '#include "base/wheel.h"\n'), "layers", "include cycle"),
    "src/base/wheel.h": (header("base/wheel", '#include "base/ring.h"\n'), None, None),
    "CMakeLists.txt": (MODULES + "gw_module(early late)\ngw_module(late)\n",
                       "layers", "names late, which is not above it"),
    "test/unit/long.c": ("int gw_long_x(void)\n{\n" + "    ;\n" * 68 + "    return 0;\n}\n",
                         "sizes", "gw_long_x has 72 lines, allowed are 70"),
    "test/unit/table.c": ("int gw_table_x(void)\n{\n    static const struct {\n        int a;\n    } rows[] = {\n" +
                          "        {1},\n" * 90 + "    };\n\n" + "    ;\n" * 67 + "    return rows[0].a;\n}\n",
                          "sizes", "gw_table_x has 72 lines, allowed are 70"),
    "test/unit/deep.c": (NESTED, "sizes", "gw_deep_x nests 5 deep"),
    "test/unit/wide.c": ("int gw_wide_x(int a, int b, int c, int d, int e, int f, int g)\n{\n    return 0;\n}\n",
                         "sizes", "gw_wide_x has 7 parameters"),
    "test/unit/huge.c": ("int a;\n" * 801, "sizes", "801 lines, allowed are 800"),
    "test/unit/huge.h": ("int a;\n" * 301, "sizes", "301 lines, allowed are 300"),
    "test/unit/fields.c": ("struct s {\n" + "    int a;\n" * 31 + "};\n", "sizes", "struct s has 31 fields"),
    "test/unit/column.c": ("/* " + "x" * 98 + " */\n", "sizes", "104 columns, allowed are 100"),
    "test/unit/noted.c": ("/* long: it is a table */\nint a;\n", "sizes", "the count may only fall"),
    "docs/place.md": ("see /wor" + "k/tree\n", "text", "a path of one machine"),
    "docs/host.md": ("from deb.debia" + "n.org\n", "text", "the host of a package registry"),
    "docs/outside.md": ("see shared" + "/STYLE.md\n", "text", "a path outside the project"),
    "docs/blank.md": ("word \n", "text", "blanks at the end of the line"),
    "docs/end.md": ("word", "text", "the last line has no end"),
    "docs/return.md": ("word\r\n", "text", "carriage returns"),
    "docs/merge.md": ("<<<<<<" + "< one\n", "text", "a mark of a merge conflict"),
    "script/bad.py": ("def x(:\n", "text", "script/bad.py:1:"),
    "script/bad": ("#!/bin/bash\nif true; then\n", "text", "script/bad: line 3"),
    "test/unit/form.c": ("int  a ;\n", "format", "code should be clang-formatted"),
    "src/base/lone.h": (header("base/lone", "size_t gw_lone_x(void);\n"), "headers", "does not compile alone"),
    "src/base/block.h": ("#ifndef GW_BASE_BLOCK_H\n#define GW_BASE_BLOCK_H\n\n#endif\n",
                         "headers", "must begin with the block"),
    "src/base/guard.h": (header("base/guard", guard="GUARD_H"), "headers", "guard must be GW_BASE_GUARD_H"),
    "src/base/impure.h": (header("base/impure", "int gw_impure_x(void);\n"), None, None),
    "src/base/impure.c": (source("base/impure", "int gw_impure_x(void)\n{\n    return rand();\n}\n",
                                 "\n#include <stdlib.h>\n"), "purity", "pure, but uses rand"),
    "src/wire/reach.h": (header("wire/reach", "int gw_reach_x(void);\nint gw_other_four(void);\n"), None, None),
    "src/wire/reach.c": (source("wire/reach", "int gw_reach_x(void)\n{\n    return gw_other_four();\n}\n"),
                         "purity", "wire may not use gw_other_four of side"),
    "src/side/named.h": (header("side/named", "int gw_wrong_x(void);\n"), None, None),
    "src/side/named.c": (source("side/named", "int gw_wrong_x(void)\n{\n    return 0;\n}\n"),
                         "names", "gw_wrong_x should begin with gw_named_"),
    "src/side/good.h": (header("side/good"), "names", "the stem good is used more than once"),
    "src/side/state.h": (header("side/state", "int gw_state_next(void);\n"), None, None),
    "src/side/state.c": (source("side/state", "int gw_state_next(void)\n{\n    static int last;\n    return ++last;\n}\n"),
                         "globals", "mutable state outside daemon: last"),
    "src/side/state2.h": (header("side/state2", "#include <stdatomic.h>\n"),
                          "atomics", "src/side/state2.h: uses <stdatomic.h> but is not listed"),
    "src/side/null.h": (header("side/null", "int gw_null_x(void);\n"), None, None),
    "src/side/null.c": (source("side/null", "int gw_null_x(void)\n{\n    int *at = 0;\n    return *at;\n}\n"),
                        "tidy", "Dereference of null pointer"),
    "src/side/null2.h": (header("side/null2", "int gw_null2_x(void);\n"), None, None),
    "src/side/null2.c": (source("side/null2", "int gw_null2_x(void)\n{\n    int *at = 0;\n    return *at;\n}\n"),
                         "cppcheck", "Null pointer dereference"),
}


def lay(files):
    for name, content in files.items():
        path = PLACE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, newline="")


def run_checks():
    result = subprocess.run(
        [sys.executable, "-B", str(TOP / "script/check.d/main.py")], cwd=PLACE, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "CHECK_ROOT": str(PLACE)})
    return result.returncode, result.stdout


def part_of(output, check):
    """What one check printed."""
    lines, inside = [], False
    for line in output.splitlines():
        if line.startswith("check"):
            inside = line.split()[1] == check
        if inside:
            lines.append(line)
    return "\n".join(lines)


def main():
    shutil.rmtree(PLACE, ignore_errors=True)
    lay(CLEAN)
    for name in BUILD_FILES:
        lay({name: (TOP / name).read_text()})
    subprocess.run(["git", "init", "-q", str(PLACE)], check=True)
    status, output = run_checks()
    if status != 0:
        print(output + "selftest: the clean project does not pass")
        return 1
    lay({name: fault[0] for name, fault in FAULTS.items()})
    status, output = run_checks()
    expected = [(name, check, words) for name, (_, check, words) in FAULTS.items() if check]
    silent = [(name, check, words) for name, check, words in expected if words not in part_of(output, check)]
    if silent or status != 1:
        print(output)
    for name, check, words in silent:
        print(f"selftest: {check} did not say {words!r} about {name}")
    print(f"selftest: {len(expected) - len(silent)} of {len(expected)} faults were found")
    return 1 if silent or status != 1 else 0


if __name__ == "__main__":
    sys.exit(main())
