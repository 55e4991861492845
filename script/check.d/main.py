"""script/check: runs the checks, prints a line each, exits with 1 if one found something."""

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import headers  # noqa: E402
import layers  # noqa: E402
import objects  # noqa: E402
import sizes  # noqa: E402
import text  # noqa: E402
import tools  # noqa: E402
from common import BUILD, CACHE, JOBS, run  # noqa: E402

# name: (function, does it need build/debug, what it holds). Quick ones first.
CHECKS = {
    "layers": (layers.check, False, "includes follow the module table, own header first, no cycles"),
    "sizes": (sizes.check, False, "lines, parameters, nesting, fields; notes may only get fewer"),
    "text": (text.check, False, "no foreign paths or hosts, clean line ends, scripts that parse"),
    "format": (tools.check_format, False, "clang-format has nothing to change"),
    "headers": (headers.check, False, "each header alone in gcc and clang, with its block and guard"),
    "purity": (objects.check_purity, True, "pure folders use only the allowed outside symbols"),
    "names": (objects.check_names, True, "unique stems, gw_<stem>_ names"),
    "globals": (objects.check_globals, True, "no mutable state outside daemon"),
    "atomics": (objects.check_atomics, False, "mutexes and atomics only in the listed files"),
    "cppcheck": (tools.check_cppcheck, False, "cppcheck is silent"),
    "tidy": (tools.check_tidy, True, "clang-tidy is silent"),
}


def build():
    """Brings build/debug up to date; the text of the failure, or None."""
    steps = [["cmake", "--preset", "debug", "-DGODWIT_TESTS=ON"],
             ["cmake", "--build", "--preset", "debug", "-j", str(JOBS)]]
    for step in steps:
        result = run(step)
        if result.returncode != 0:
            tail = (result.stdout + result.stderr).strip().splitlines()[-40:]
            return "build/debug does not build:\n" + "\n".join(tail)
    return None


def run_one(name, broken_build):
    function, needs_build, _ = CHECKS[name]
    started = time.monotonic()
    if needs_build and broken_build:
        findings, about = ["not run: build/debug does not build"], ""
    else:
        try:
            findings, about = function()
        except (OSError, RuntimeError) as error:
            findings, about = [f"{name}: {error}"], ""
    seconds = time.monotonic() - started
    verdict = "ok  " if not findings else "FAIL"
    print(f"check {name:<9} {verdict} {seconds:6.1f} s  {about}", flush=True)
    for finding in findings:
        print("  " + finding.replace("\n", "\n  "), flush=True)
    return findings


def main(names):
    if "--list" in names:
        for name, (_, _, what) in CHECKS.items():
            print(f"{name:<9} {what}")
        return 0
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"check: there is no check {unknown[0]!r}; there are: {', '.join(CHECKS)}", file=sys.stderr)
        return 64
    names = [name for name in CHECKS if name in names or not names]
    CACHE.mkdir(parents=True, exist_ok=True)
    broken = build() if any(CHECKS[name][1] for name in names) else None
    if broken:
        print(broken, flush=True)
    results = {name: run_one(name, broken) for name in names}
    failed = [name for name, findings in results.items() if findings]
    (CACHE / "result.json").write_text(json.dumps({"passed": len(names) - len(failed), "failed": len(failed)}))
    print(f"check: {len(names) - len(failed)} passed, {len(failed)} failed" +
          (f" ({', '.join(failed)})" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    sys.exit(main(sys.argv[1:]))
