"""What the objects of build/debug say by nm: purity, names, and no mutable globals."""

import re
from functools import lru_cache
from pathlib import Path

from common import BUILD, ROOT, files_under, folder_of, modules, pure_folders, run, text_of, word_file
from sizes import without_comments


class Symbol:
    """One line of nm: its name, class letter, section, and the source file of its object."""

    def __init__(self, source, name, letter, section):
        self.source, self.name, self.letter, self.section = source, name, letter, section

    @property
    def undefined(self):
        return self.letter in "Uvw"

    @property
    def external(self):
        return self.letter.isupper() and not self.undefined


def object_of(source):
    folder = folder_of(source)
    target = "godwit" if folder == "daemon" else "gw_" + folder.replace("/", "_")
    loadable = folder.replace("module/", "godwit-", 1)
    if folder.startswith("module/") and (BUILD / "CMakeFiles" / f"{loadable}.dir").is_dir():
        target = loadable
    return BUILD / "CMakeFiles" / f"{target}.dir" / f"{source}.o"


@lru_cache
def symbols():
    """All symbols of all objects of src/."""
    sources = {str(object_of(p)): p for p in files_under("src", suffixes=(".c",))}
    missing = [str(p) for o, p in sources.items() if not Path(o).is_file()]
    if missing:
        raise RuntimeError("build/debug has no object of " + ", ".join(missing[:5]))
    if not sources:
        return []
    found = []
    out = run(["nm", "-A", "-f", "sysv", *sources]).stdout
    for line in out.splitlines():
        fields = line.split("|")
        if len(fields) < 7:
            continue
        place, _, name = fields[0].rpartition(":")
        letter, section = fields[2].strip(), fields[6].strip()
        if place in sources and len(letter) == 1:
            found.append(Symbol(sources[place], name.strip(), letter, section))
    return found


def compiler_made(name):
    return name.startswith(("_GLOBAL_", "__asan", "__ubsan", "__tsan", "__gcov", "__stack_chk"))


def defined_where():
    return {s.name: folder_of(s.source) for s in symbols() if s.external}


def allowed(folder):
    """{symbol: stem or None} of allow-pure and allow-<folder>; a second word ties it to one file."""
    table = {}
    for name in ("pure", folder.replace("/", "-")):
        for words in word_file(f"allow-{name}" if name != "pure" else "pure"):
            table[words[0]] = words[1] if len(words) > 1 else None
    return table


def check_purity():
    findings, home = [], defined_where()
    folders = [f for f in pure_folders() if (ROOT / "src" / f).is_dir()]
    for symbol in symbols():
        folder = folder_of(symbol.source)
        if not symbol.undefined or compiler_made(symbol.name):
            continue
        if symbol.name in home:
            other = home[symbol.name]
            if other != folder and folder in modules() and other not in modules()[folder]:
                findings.append(f"{symbol.source}: {folder} may not use {symbol.name} of {other}")
        elif folder in folders:
            table = allowed(folder)
            if symbol.name not in table or table[symbol.name] not in (None, symbol.source.stem):
                findings.append(f"{symbol.source}: pure, but uses {symbol.name} "
                                f"(script/check.d/allow-{folder.replace('/', '-')})")
    return findings, ", ".join(folders)


def check_names():
    """Stems are unique; an external function of <stem>.c is named gw_<stem> or gw_<stem>_..."""
    findings, homes = [], {}
    for path in files_under("src", suffixes=(".c", ".h", ".def")):
        homes.setdefault(path.stem, set()).add(path.parent)
    for stem, folders in sorted(homes.items()):
        if len(folders) > 1:
            places = ", ".join(sorted(f"{f}/{stem}" for f in folders))
            findings.append(f"src: the stem {stem} is used more than once: {places}")
    nouns = {words[0]: words[1:] for words in word_file("nouns")}
    count = 0
    for symbol in symbols():
        if not symbol.external or compiler_made(symbol.name) or symbol.name == "main":
            continue
        count += 1
        key = "/".join(symbol.source.parts[1:])[: -len(".c")]
        good = [symbol.source.stem, *nouns.get(key, [])]
        if key.startswith("module/"):
            good.append("loadable")  # what each of them exports (auth/loadable)
        if not any(re.fullmatch(rf"gw_{re.escape(noun)}(_\w+)?", symbol.name) for noun in good):
            findings.append(f"{symbol.source}: {symbol.name} should begin with gw_{good[0]}_ "
                            "(or its noun stand in script/check.d/nouns)")
    for key in nouns:
        if not (ROOT / "src" / f"{key}.h").is_file():
            findings.append(f"script/check.d/nouns: there is no src/{key}.h")
    return findings, f"{count} external names, {len(homes)} stems"


def check_globals():
    """No mutable file-scope or static state outside daemon, but for what script/check.d/globals lists."""
    findings, used = [], set()
    listed = {tuple(words) for words in word_file("globals")}
    for symbol in symbols():
        mutable = symbol.letter in "DdBbCcSsGg" and not symbol.section.startswith(".data.rel.ro")
        if not mutable or folder_of(symbol.source) == "daemon" or compiler_made(symbol.name):
            continue
        key = ("/".join(symbol.source.parts[1:])[: -len(".c")], symbol.name)
        used.add(key)
        if key not in listed:
            findings.append(f"{symbol.source}: mutable state outside daemon: {symbol.name} in {symbol.section}")
    for file, name in sorted(listed - used):
        findings.append(f"script/check.d/globals: there is no {name} in src/{file}.c any more")
    return findings, f"{len(symbols())} symbols, {len(listed)} listed"


THREADED = re.compile(r"<(?:stdatomic|pthread|threads)\.h>|\b(?:_Atomic|atomic_\w+|__atomic_\w+|__sync_\w+|gw_mutex\w*)\b")


def check_atomics():
    """Mutexes and atomics live in the files that script/check.d/atomics lists, and in no other."""
    listed = {Path("src") / words[0] for words in word_file("atomics")}
    users = {}
    for path in files_under("src"):
        match = THREADED.search(without_comments(text_of(path)))
        if match:
            users[path] = match.group()
    findings = [f"{path}: uses {what} but is not listed in script/check.d/atomics"
                for path, what in sorted(users.items()) if path not in listed]
    findings += [f"script/check.d/atomics: {path} needs no line" for path in sorted(listed - set(users))]
    return findings, f"{len(users)} files"
