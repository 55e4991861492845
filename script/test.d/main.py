"""script/test: runs the stages, prints a line each and what failed, and closes with the counts."""

import os
import shutil
import sys
import time

from stages import LOGS, ROOT, STAGES, TAIL_LINES, Failed, Stage


def tail(path):
    lines = path.read_text(errors="replace").splitlines()
    return "\n".join("  | " + line for line in lines[-TAIL_LINES:])


def run(name):
    function, seconds, _, _ = STAGES[name]
    stage, started, trouble = Stage(name, seconds), time.monotonic(), ""
    print(f"==> {name}", flush=True)
    try:
        function(stage)
    except (Failed, OSError, ValueError) as error:
        trouble = f", {error}"
        stage.failed += 1
    took = time.monotonic() - started
    verdict = "ok" if stage.failed == 0 else "FAILED"
    if stage.failed:
        print(tail(stage.log))
        print(f"  the whole log: {stage.log.relative_to(ROOT)}")
    notes = "".join(f", {note}" for note in stage.notes)
    print(f"    {name}: {verdict}, {stage.passed} passed, {stage.failed} failed, {took:.1f} s{notes}{trouble}",
          flush=True)
    return stage, took


def main(names):
    if "--list" in names:
        for name, (_, _, always, what) in STAGES.items():
            print(f"{name:<12} {what}{'' if always else ' (only when named)'}")
        return 0
    unknown = [name for name in names if name not in STAGES]
    if unknown:
        print(f"test: there is no stage {unknown[0]!r}; there are: {', '.join(STAGES)}", file=sys.stderr)
        return 64
    LOGS.mkdir(parents=True, exist_ok=True)
    chosen = [name for name, (_, _, always, _) in STAGES.items() if name in names or (always and not names)]
    results = [run(name) for name in chosen]
    print("\nsummary")
    for stage, took in results:
        print(f"  {'ok    ' if stage.failed == 0 else 'FAILED'} {stage.name:<12} {stage.passed:>6} passed "
              f"{stage.failed:>4} failed {took:>7.1f} s")
    passed = sum(stage.passed for stage, _ in results)
    failed = sum(stage.failed for stage, _ in results)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ["CTEST_OUTPUT_ON_FAILURE"] = "1"
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian has the broker that is a foreign peer
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    os.environ.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1")
    os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    if shutil.which("ccache"):
        os.environ.setdefault("CMAKE_C_COMPILER_LAUNCHER", "ccache")
    sys.exit(main(sys.argv[1:]))
