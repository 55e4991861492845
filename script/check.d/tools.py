"""clang-format, clang-tidy and cppcheck; what was clean and did not change is not run again."""

from pathlib import Path

from common import BUILD, ROOT, cached_tool, compile_flags, files_under, run, text_of


def version(tool):
    return run([tool, "--version"]).stdout


def check_format():
    paths = files_under("src", "include", "test", "bench")
    salt = version("clang-format") + text_of(Path(".clang-format"))
    findings, ran = cached_tool(
        "format", salt, paths,
        lambda path: ["clang-format", "--dry-run", "-Werror", "--ferror-limit=1", str(path)])
    return findings, f"{len(paths)} files, {ran} looked at"


def check_tidy():
    paths = files_under("src", suffixes=(".c",))
    if not (BUILD / "compile_commands.json").is_file():
        return ["build/debug/compile_commands.json is missing"], ""
    salt = version("clang-tidy") + text_of(Path(".clang-tidy")) + " ".join(compile_flags())
    findings, ran = cached_tool(
        "tidy", salt, paths,
        lambda path: ["nice", "clang-tidy", "-p", str(BUILD), "--quiet", str(ROOT / path)])
    return findings, f"{len(paths)} files, {ran} looked at"


def check_cppcheck():
    paths = files_under("src", suffixes=(".c",))
    options = [
        "--quiet", "--std=c11", "--enable=warning,performance,portability", "--inline-suppr",
        "--error-exitcode=1", "--library=posix", "--suppress=missingIncludeSystem",
        "--suppress=unmatchedSuppression", "--template=gcc", "-D_GNU_SOURCE", "-D__linux__", "-Isrc",
    ]
    findings, ran = cached_tool(
        "cppcheck", version("cppcheck") + " ".join(options), paths,
        lambda path: ["nice", "cppcheck", *options, str(path)])
    return findings, f"{len(paths)} files, {ran} looked at"
