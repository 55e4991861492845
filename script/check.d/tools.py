"""clang-format, clang-tidy and cppcheck; what was clean and did not change is not run again."""

import os
import re
from pathlib import Path

from common import BUILD, ROOT, cached_tool, compile_flags, files_under, run, text_of


# How far the analyser follows the paths of one function: its own 225,000 take ten seconds a file,
# this one or two. CHECK_DEEP=1 asks for all of them.
NODES = 225000 if os.environ.get("CHECK_DEEP") else 30000


def version(tool):
    return run([tool, "--version"]).stdout


def check_format():
    paths = files_under("src", "include", "test", "bench")
    salt = version("clang-format") + text_of(Path(".clang-format"))
    findings, ran = cached_tool(
        "format", salt, paths,
        lambda path: ["clang-format", "--dry-run", "-Werror", "--ferror-limit=1", str(path)])
    return findings, f"{len(paths)} files, {ran} looked at"


def short_of(text):
    """The errors without the path that leads to each, which only CHECK_DEEP=1 shows."""
    if os.environ.get("CHECK_DEEP"):
        return text
    return "\n".join(line for line in text.splitlines() if re.search(r": (error|warning): ", line)) or text


def check_tidy():
    paths = files_under("src", suffixes=(".c",))
    if not (BUILD / "compile_commands.json").is_file():
        return ["build/debug/compile_commands.json is missing"], ""
    limit = [f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={NODES}")]
    salt = version("clang-tidy") + text_of(Path(".clang-tidy")) + " ".join([*compile_flags(), *limit])
    findings, ran = cached_tool(
        "tidy", salt, paths,
        lambda path: ["nice", "clang-tidy", "-p", str(BUILD), "--quiet", *limit, str(ROOT / path)])
    return [short_of(text) for text in findings], f"{len(paths)} files, {ran} looked at"


def check_cppcheck():
    paths = files_under("src", suffixes=(".c",))
    options = [
        "--quiet", "--std=c11", "--enable=warning,performance,portability", "--inline-suppr",
        "--error-exitcode=1", "--library=posix", "--suppress=missingIncludeSystem",
        "--suppress=unmatchedSuppression",
        # The first two it finds where a pointer goes into a compound literal or an assertion stands
        # (leaks are held by LeakSanitizer); a stream that one thread opens is its own to read.
        "--suppress=memleak", "--suppress=memleakOnRealloc", "--suppress=readdirCalled", "--template=gcc", "-D_GNU_SOURCE", "-D__linux__", "-Isrc",
    ]
    findings, ran = cached_tool(
        "cppcheck", version("cppcheck") + " ".join(options), paths,
        lambda path: ["nice", "cppcheck", *options, str(path)])
    return findings, f"{len(paths)} files, {ran} looked at"
