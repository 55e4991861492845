"""What the checks share: the files, the module table, a cache by content, parallel runs."""

import hashlib
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

# The self-test points the checks at a small project of its own.
ROOT = Path(os.environ.get("CHECK_ROOT") or Path(__file__).resolve().parents[2])
HERE = ROOT / "script" / "check.d"
BUILD = ROOT / "build" / "debug"
CACHE = ROOT / "build" / "check"
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)


@lru_cache
def project_files():
    """Every file of the project, tracked or about to be, as paths relative to the root."""
    out = run(["git", "ls-files", "-co", "--exclude-standard"]).stdout
    return [Path(name) for name in sorted(set(out.splitlines())) if (ROOT / name).is_file()]


def files_under(*folders, suffixes=(".c", ".h")):
    return [p for p in project_files() if p.parts[0] in folders and p.suffix in suffixes]


@lru_cache
def text_of(path):
    return (ROOT / path).read_bytes().decode("utf-8", errors="replace")


def run(command, **more):
    return subprocess.run(command, cwd=ROOT, text=True, errors="replace", capture_output=True, **more)


def parallel(function, items):
    """Calls function for each item on all cores; the results come in the order of the items."""
    with ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(function, items))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


@lru_cache
def modules():
    """The gw_module and gw_loadable lines of CMakeLists.txt as {folder: [folders it may include]}."""
    table = {}
    text = text_of(Path("CMakeLists.txt"))
    for match in re.finditer(r"^gw_(module|loadable)\(([^)]*)\)", text, re.M):
        folder, *below = match.group(2).split()
        table[folder] = below if match.group(1) == "module" else below[1:]  # behind its library
    return table


def folder_of(path):
    """The module folder of a file under src ("client/core"), or of an include ("base/span.h")."""
    parts = path.parts[1:-1] if path.parts[0] == "src" else path.parts[:-1]
    return "/".join(parts)


def pure_folders():
    """The folders that have an allow-list of outside symbols."""
    return [p.name[len("allow-"):].replace("-", "/") for p in sorted(HERE.glob("allow-*"))]


def word_file(name):
    """Lines of a data file as lists of words, without comments and empty lines."""
    path = HERE / name
    if not path.exists():
        return []
    lines = (line.split("#", 1)[0].split() for line in path.read_text().splitlines())
    return [words for words in lines if words]


@lru_cache
def compile_flags():
    """The warning, define and include flags that cmake/flags.cmake gives every target."""
    text = text_of(Path("cmake/flags.cmake"))
    first = re.search(r"target_compile_options\(gw_flags INTERFACE(.*?)\)", text, re.S).group(1).split()
    return [*first, "-std=c17", "-D_GNU_SOURCE", "-Isrc", "-Iinclude"]


@lru_cache
def included_by(path):
    """All project files that a file includes, also indirectly; a set of paths."""
    found, queue = set(), [path]
    while queue:
        current = queue.pop()
        for name in INCLUDE.findall(text_of(current)):
            for base in (Path("src"), Path("include"), Path("test"), current.parent):
                candidate = base / name
                if (ROOT / candidate).is_file() and candidate not in found:
                    found.add(candidate)
                    queue.append(candidate)
    return frozenset(found)


class Cache:
    """Remembers which (tool, file content, content of all it includes) was found clean."""

    def __init__(self, name, salt):
        self.folder = CACHE / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.salt = salt.encode()

    def _stamp(self, path):
        digest = hashlib.sha256(self.salt)
        for part in [path, *sorted(included_by(path))]:
            digest.update(b"\0" + str(part).encode() + b"\0")
            digest.update((ROOT / part).read_bytes())
        return self.folder / digest.hexdigest()[:32]

    def clean(self, path):
        return self._stamp(path).exists()

    def remember(self, path):
        self._stamp(path).touch()


def cached_tool(name, salt, paths, command_of, clean_of=lambda result: result.returncode == 0):
    """Runs a tool on each path that is not known as clean; returns (findings, how many ran)."""
    cache = Cache(name, salt)
    todo = [path for path in paths if not cache.clean(path)]

    def judge(path):
        result = run(command_of(path))
        if clean_of(result):
            cache.remember(path)
            return []
        text = (result.stdout + result.stderr).replace(str(ROOT) + "/", "").strip()
        return [text or f"{path}: {name} failed with status {result.returncode}"]

    return [finding for found in parallel(judge, todo) for finding in found], len(todo)
