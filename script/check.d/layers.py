"""Arrows point down: what each file includes is held to the gw_module table of CMakeLists.txt."""

from pathlib import Path

from common import INCLUDE, ROOT, files_under, folder_of, line_of, modules, text_of

# `daemon` is the program: it stands above the table and may include all.
TOP = {"daemon"}


def table_faults():
    """A module names only modules above it in the file, so the table cannot hold a cycle."""
    seen = []
    for folder, below in modules().items():
        for name in below:
            if name not in seen:
                yield f"CMakeLists.txt: gw_module({folder} ...) names {name}, which is not above it"
        seen.append(folder)


def include_faults(path):
    text = text_of(path)
    folder = folder_of(path)
    if folder not in modules() and folder not in TOP:
        yield f"{path}:1: folder {folder} has no gw_module line in CMakeLists.txt"
        return
    for match in INCLUDE.finditer(text):
        name, place = match.group(1), f"{path}:{line_of(text, match.start())}"
        target = Path(name)
        if name.startswith("godwit/"):
            continue
        if not (ROOT / "src" / target).is_file():
            yield f'{place}: "{name}" is no file under src/ (includes are written from src/)'
            continue
        other = folder_of(target)
        if other != folder and folder not in TOP and other not in modules()[folder]:
            yield f'{place}: {folder} may not include {other} ("{name}")'


def own_header_fault(path):
    own = path.with_suffix(".h")
    if path.suffix != ".c" or not (ROOT / own).is_file():
        return
    wanted = str(Path(*own.parts[1:]))
    lines = [line for line in text_of(path).splitlines() if line.lstrip().startswith("#include")]
    if not lines or f'"{wanted}"' not in lines[0]:
        yield f'{path}:1: the first include must be its own header "{wanted}"'


def cycle_faults(paths):
    """Headers that include each other, whatever their folders."""
    graph = {str(Path(*p.parts[1:])): INCLUDE.findall(text_of(p)) for p in paths}
    state = {}

    def visit(name, trail):
        state[name] = "open"
        for other in graph.get(name, []):
            if state.get(other) == "open":
                yield "src: include cycle: " + " -> ".join([*trail[trail.index(other):], other])
            elif other not in state:
                yield from visit(other, [*trail, other])
        state[name] = "done"

    for name in graph:
        if name not in state:
            yield from visit(name, [name])


def check():
    paths = files_under("src", suffixes=(".c", ".h", ".def"))
    findings = list(table_faults())
    for path in paths:
        findings += include_faults(path)
        findings += own_header_fault(path)
    findings += cycle_faults([p for p in paths if p.suffix != ".c"])
    return findings, f"{len(paths)} files, {len(modules())} modules"
