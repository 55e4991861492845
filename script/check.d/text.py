"""What no text of the project may hold, and that its scripts can be read by their interpreters."""

import ast
import re
from pathlib import Path

from common import line_of, project_files, run, text_of

# Written so that they do not match themselves.
WORDS = [
    (re.compile(r"(?<![\w.])/(?:wor[k]|far[m]|roo[t])/"), "a path of one machine"),
    (re.compile(r"(?<![\w.])/hom[e]/\w+"), "a path of one machine"),
    (re.compile(r"(?<![\w/])\.{0,2}/?share[d]/(?:spec|DESIGN|STYLE|UX|THREATS|CLUSTER)"),
     "a path outside the project"),
    (re.compile(r"\b(?:registry\.npm|registry\.yarn|deb\.debia[n]|pypi\.or[g]|files\.pythonhoste[d]|"
                r"proxy\.golan[g]|crates\.i[o])"), "the host of a package registry"),
    (re.compile(r"^(?:<{7} |>{7} |={7}$)", re.M), "a mark of a merge conflict"),
]
BINARY = {".png", ".bin", ".ico", ".gz", ".woff2"}


def hygiene(path, text):
    if path.suffix in (".patch", ".diff") or "corpus" in path.parts or path.name == "LICENSE":
        return
    if text and not text.endswith("\n"):
        yield f"{path}: the last line has no end"
    if "\r" in text:
        yield f"{path}: carriage returns"
    if path.suffix != ".tsv":
        match = re.search(r"[ \t]+$", text, re.M)
        if match:
            yield f"{path}:{line_of(text, match.start())}: blanks at the end of the line"


def script_faults(path, text):
    first = text.split("\n", 1)[0]
    if path.suffix == ".py" or ("python" in first and first.startswith("#!")):
        try:
            ast.parse(text, str(path))
        except SyntaxError as error:
            yield f"{path}:{error.lineno}: {error.msg}"
    elif first.startswith("#!") and first.rstrip().endswith("sh"):
        result = run(["bash", "-n", str(path)])
        if result.returncode != 0:
            yield result.stderr.strip()


def check():
    findings, count = [], 0
    for path in project_files():
        if path.suffix in BINARY or "corpus" in path.parts:
            continue
        text = text_of(path)
        count += 1
        for pattern, what in WORDS:
            for match in pattern.finditer(text):
                findings.append(f"{path}:{line_of(text, match.start())}: {what}: {match.group()!r}")
        findings += hygiene(path, text)
        findings += script_faults(Path(path), text)
    return findings, f"{count} files"
