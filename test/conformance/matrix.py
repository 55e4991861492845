"""The matrix: every statement that binds a server and can be seen has a case; and its page.

Rows come from the normative-*.tsv files beside this one. Reasons for rows without a case stand in
exempt.tsv; a row that is neither covered nor exempt, a case with an unknown id, and an exemption
that is no longer needed are faults.
"""

import pathlib

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs/reference/conformance.md"
STANDARDS = {5: ("MQTT 5.0", "normative-5.0.tsv"), 4: ("MQTT 3.1.1", "normative-3.1.1.tsv"),
             3: ("MQTT 3.1", "normative-3.1.tsv")}

HEAD = """# Conformance

Each statement of the standards that binds a server and can be seen from the network is tested
against the real binary, over TCP, by number. This page is generated from the cases in
`test/conformance/`; a statement without a case, or a page that is out of date, fails the build.
The first line runs all cases and compares this page, the second writes it:

    /usr/bin/python3 -m pytest test/conformance --page=check
    /usr/bin/python3 -m pytest test/conformance --page=write

`MQTT-…` is the number that the standard gives; `U5-…` and `U311-…` are our numbers for statements
that it makes without one; `V3-…` are our numbers for what MQTT 3.1 does differently from 3.1.1. The
words are ours; the standard decides. A case runs with a client of the version whose section it is
listed in, often with the other versions too.
"""


class Row:
    def __init__(self, line):
        (self.id, self.level, self.binds, self.section, self.text,
         seen) = line.rstrip("\n").split("\t")
        self.seen = seen == "yes"

    def required(self):
        return self.seen and self.binds in ("server", "both")


def rows(version):
    lines = (HERE / STANDARDS[version][1]).read_text().splitlines()[1:]
    return [Row(line) for line in lines if line]


def exemptions():
    """(version, id) -> reason."""
    lines = (HERE / "exempt.tsv").read_text().splitlines()[1:]
    return {(int(v), i): why for v, i, why in (line.split("\t") for line in lines if line)}


def covering(cases, version, ident):
    return sorted((c for c in cases.values() if ident in c.ids[version]), key=lambda c: c.name)


def gaps(cases):
    """What is wrong with the coverage, as sentences."""
    exempt, faults = exemptions(), []
    for version, (title, _) in STANDARDS.items():
        known = {row.id: row for row in rows(version)}
        for entry in cases.values():
            faults += [f"case {entry.name} names {i}, which {title} does not have"
                       for i in entry.ids[version] if i not in known]
            if entry.ids[version] and version not in entry.versions:
                faults.append(f"case {entry.name} names rows of {title} but does not run in it")
        for row in known.values():
            covered, excused = covering(cases, version, row.id), (version, row.id) in exempt
            if covered and excused:
                faults.append(f"{title} {row.id} has a case and an exemption")
            if row.required() and not covered and not excused:
                faults.append(f"{title} {row.id} ({row.level}, {row.binds}) has no case")
        faults += [f"exempt.tsv names {title} {i}, which does not exist"
                   for v, i in exempt if v == version and i not in known]
    return faults


def why_not(row, exempt, version):
    if (version, row.id) in exempt:
        return exempt[version, row.id]
    return "binds the client" if row.binds == "client" else "cannot be seen from the network"


def table(cases, version, exempt):
    out = ["| Id | Level | Binds | What | Cases | Result |", "|---|---|---|---|---|---|"]
    for row in rows(version):
        found = covering(cases, version, row.id)
        names = " ".join(f"`{c.name}`" for c in found) or "– " + why_not(row, exempt, version)
        words = {c.outcomes.get(version, "not run") for c in found}
        worst = next((w for w in ("FAIL", "not run", "skip", "pass") if w in words), "–")
        text = row.text.replace("|", "\\|").replace("<", "\\<")
        out.append(f"| {row.id} | {row.level} | {row.binds} | {text} | {names} | {worst} |")
    return out


def summary(cases, version, exempt):
    all_rows = rows(version)
    need = [r for r in all_rows if r.required() and (version, r.id) not in exempt]
    done = [r for r in need if covering(cases, version, r.id)]
    bonus = [r for r in all_rows if r not in need and covering(cases, version, r.id)]
    left = [r for r in all_rows if r.required() and (version, r.id) in exempt]
    count = sum(1 for c in cases.values() if version in c.versions)
    return (f"| {STANDARDS[version][0]} | {len(all_rows)} | {len(need)} | {len(done)} | "
            f"{len(bonus)} | {len(left)} | {count} |")


def page(cases):
    exempt = exemptions()
    out = [HEAD, "| Standard | Statements | Bind the server, visible | Tested | "
           "Others tested (client breaks the rule, server reacts) | Exempt | Cases run |",
           "|---|---|---|---|---|---|---|"]
    out += [summary(cases, version, exempt) for version in STANDARDS]
    for version, (title, _) in STANDARDS.items():
        out += ["", f"## {title}", "", *table(cases, version, exempt)]
    return "\n".join(out) + "\n"


def finish(cases, mode):
    """At the end of a run: faults of coverage, and the page compared or written."""
    faults, text = gaps(cases), page(cases)
    if mode == "write":
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        faults.append(f"{PAGE.relative_to(HERE.parents[1])} is out of date: run with --page=write")
    return faults
