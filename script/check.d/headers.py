"""Every header compiles alone, twice in a row, in gcc and clang; public ones in C99 and C++ too."""

import re
from pathlib import Path

from common import Cache, compile_flags, files_under, parallel, run, text_of

# A header's block comment: "/*\n * folder/stem: what" and these four lines.
BLOCK_LINES = ("Layer", "Owner", "Life", "Limits")


def block_faults(path):
    name = "/".join(path.parts[1:])[: -len(".h")]
    text = text_of(path)
    head = text[: text.find("*/")] if text.startswith("/*\n") else ""
    if not head.startswith(f"/*\n * {name}: "):
        yield f'{path}:1: must begin with the block "/*", " * {name}: <what it is>"'
        return
    for word in BLOCK_LINES:
        if not re.search(rf"^ \* {word}\b", head, re.M):
            yield f"{path}:1: the block at the top has no {word} line"
    guard = "GW_" + re.sub(r"\W", "_", name).upper() + "_H"
    if not re.search(rf"^#ifndef {guard}\n#define {guard}\n", text, re.M):
        yield f"{path}:1: the include guard must be {guard}"


def commands(path):
    flags = [*compile_flags(), "-fsyntax-only"]
    yield ["gcc", *flags, "-x", "c", "-"]
    yield ["clang", *flags, "-x", "c", "-"]
    if path.parts[0] == "include":
        strict = [f for f in flags if f not in ("-std=c17", "-D_GNU_SOURCE", "-Isrc")]
        c_only = ("-Wstrict-prototypes", "-Wmissing-prototypes")
        plain = [f for f in strict if f not in c_only]
        yield ["gcc", *strict, "-std=c99", "-x", "c", "-"]
        yield ["clang", *plain, "-std=c++11", "-x", "c++", "-"]


def check():
    paths = files_under("src", "include", suffixes=(".h",))
    findings = [fault for p in paths if p.parts[0] == "src" for fault in block_faults(p)]
    salt = " ".join(compile_flags()) + "".join(
        run([tool, "--version"]).stdout for tool in ("gcc", "clang"))
    cache = Cache("headers", salt)
    todo = [path for path in paths if not cache.clean(path)]

    def judge(path):
        name = Path(*path.parts[1:])
        source = f'#include "{name}"\n#include "{name}"\nextern int gw_alone;\n'
        faults = []
        for command in commands(path):
            result = run(command, input=source)
            if result.returncode != 0:
                faults.append(f"{path}: does not compile alone with {command[0]}:\n{result.stderr.strip()}")
        if not faults:
            cache.remember(path)
        return faults

    findings += [fault for faults in parallel(judge, todo) for fault in faults]
    return findings, f"{len(paths)} headers, {len(todo)} compiled, {len(paths) - len(todo)} unchanged"
