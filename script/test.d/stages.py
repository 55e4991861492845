"""The stages of script/test, in the order in which they run: what is quick and cheap first."""

import json
import os
import platform
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import counts

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "test-logs"
JOBS = int(os.environ.get("JOBS") or os.cpu_count() or 2)
TAIL_LINES = 60
PYTHON = "/usr/bin/python3"
SIM_SECONDS = int(os.environ.get("SIM_SECONDS") or 60)

# Which build answers which question.
UNIT_BUILDS = ("debug", "clang", "asan")
SIM_BUILDS = ("clang", "asan")
CONFORMANCE_BUILD = "asan"
E2E_BUILD = "release"
HOSTILE_BUILD = "asan"

# What of test/e2e is about peers and secrets: test_NAME*.py, where there is one.
HOSTILE = ("hostile", "limits", "tls", "websocket", "users", "access", "jwt", "scram", "kerberos", "oauth",
           "webhook", "ldap", "postgres", "redis", "psk", "unix", "proxied", "secrets", "quota", "gone", "rights",
           "systemd", "renewal")


class Failed(Exception):
    """The stage did not come to an end; the text says why."""


class Stage:
    """What one stage's function gets: a log, a time limit, a way to run commands, the counts."""

    def __init__(self, name, seconds):
        self.name, self.seconds = name, seconds
        self.deadline = time.monotonic() + seconds
        self.passed = self.failed = 0
        self.notes = []
        self.log = LOGS / f"{name}.log"
        self.log.write_text("")

    def part(self, name):
        """A stage of this one's time for a command that runs beside others."""
        return Stage(f"{self.name}-{name}", max(self.deadline - time.monotonic(), 1))

    def add(self, counted):
        self.passed, self.failed = self.passed + counted[0], self.failed + counted[1]

    def run(self, command, **environment):
        """Runs a command into the log and returns its status; Failed when time runs out."""
        with self.log.open("a") as log:
            log.write("$ " + " ".join(map(str, command)) + "\n")
            log.flush()
            process = subprocess.Popen(
                [str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **environment}, start_new_session=True)
            try:
                return process.wait(max(self.deadline - time.monotonic(), 1))
            except subprocess.TimeoutExpired as late:
                raise Failed(f"not done after {self.seconds} s") from late
            finally:
                end_group(process)

    def must_run(self, command, **environment):
        status = self.run(command, **environment)
        if status != 0:
            raise Failed(f"`{' '.join(map(str, command[:4]))}` ended with {status}")


def end_group(process):
    """Ends what a stage left running: its whole process group, and nothing else."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.wait()


@lru_cache
def steady_addresses():
    """A prefix for sanitized programs: some kernels place memory where their run time wants none."""
    prefix = ["setarch", platform.machine(), "-R"]
    works = shutil.which("setarch") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0
    return prefix if works else []


def build(stage, preset, *settings):
    stage.must_run(["cmake", "--preset", preset, "-DGODWIT_TESTS=ON", *settings])
    stage.must_run(["cmake", "--build", "--preset", preset, "-j", JOBS])


def ctest(stage, preset, pattern):
    """Runs the ctest cases of a build whose names match, and counts what they hold."""
    junit = LOGS / f"{stage.name}-{preset}.xml"
    junit.unlink(missing_ok=True)
    prefix = steady_addresses() if preset in ("asan", "tsan", "fuzz") else []
    status = stage.run([*prefix, "ctest", "--test-dir", f"build/{preset}", "-R", pattern, "-j", JOBS,
                        "--no-tests=error", "--timeout", 120, "--output-junit", junit,
                        "--test-output-size-passed", 4000000, "--test-output-size-failed", 4000000])
    counted(stage, status, junit)


def pytest(stage, arguments, prefix=(), **environment):
    junit = LOGS / f"{stage.name}.xml"
    junit.unlink(missing_ok=True)
    status = stage.run([*prefix, PYTHON, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
                        f"--junitxml={junit}", *arguments], **environment)
    counted(stage, status, junit)


def counted(stage, status, junit):
    if not junit.is_file():
        raise Failed(f"the test run ended with {status} and left no result")
    passed, failed = counts.of_junit(junit)
    if status != 0 and failed == 0:
        failed = 1
    if status == 0 and passed == 0:
        raise Failed("no test ran")
    stage.add((passed, failed))


def check(stage):
    result = ROOT / "build" / "check" / "result.json"
    result.unlink(missing_ok=True)
    status = stage.run(["script/check"])
    if not result.is_file():
        raise Failed(f"script/check ended with {status} and left no result")
    found = json.loads(result.read_text())
    stage.add((found["passed"], found["failed"]))


def check_the_check(stage):
    status = stage.run([PYTHON, "-B", "script/check.d/selftest.py"])
    found = re.search(r"(\d+) of (\d+) faults were found", stage.log.read_text())
    if not found or (status != 0 and found[1] == found[2]):
        raise Failed(f"the self-test ended with {status}")
    stage.add((int(found[1]), int(found[2]) - int(found[1])))


def unit_in(preset):
    def unit(stage):
        build(stage, preset)
        ctest(stage, preset, r"^(unit|fault)\.")
    return unit


def fuzz(stage):
    build(stage, "asan")
    ctest(stage, "asan", r"^fuzz\.")


def sim(stage):
    """The seeds that once failed, then fresh ones: for speed in one build, for memory in another."""
    for preset in SIM_BUILDS:
        build(stage, preset)
    ctest(stage, "asan", r"^sim\.")
    with ThreadPoolExecutor(len(SIM_BUILDS)) as pool:
        list(pool.map(lambda preset: fresh_seeds(stage, preset), SIM_BUILDS))


def fresh_seeds(stage, preset):
    part = stage.part(preset)
    prefix = steady_addresses() if preset == "asan" else []
    status = part.run([*prefix, f"build/{preset}/test/godwit-sim", "--seconds", SIM_SECONDS])
    text = part.log.read_text(errors="replace").replace("\r", "\n")
    stage.log.open("a").write(f"{preset}:\n" + "\n".join(text.splitlines()[-TAIL_LINES:]) + "\n")
    found = re.search(r"^sim: (\d+) runs on fresh seeds, (\d+) steps, nothing found$", text, re.M)
    if status == 0 and not found:
        raise Failed(f"godwit-sim of {preset} ended well but said nothing")
    stage.notes.append(f"{preset}: {found[2]} steps" if found else f"{preset}: a finding")
    stage.add((int(found[1]) if found else 0, 0 if status == 0 else 1))


def conformance(stage):
    build(stage, CONFORMANCE_BUILD)
    pytest(stage, ["test/conformance", "--page=check"],
           GODWIT_BIN=str(ROOT / "build" / CONFORMANCE_BUILD / "godwit"))


def e2e(stage):
    build(stage, E2E_BUILD)
    # Four at a time whatever the cores: these tests mostly wait for their peers.
    pytest(stage, ["-n", "4", "test/e2e"], GODWIT_BIN=str(ROOT / "build" / E2E_BUILD / "godwit"),
           NODE_PATH=str(ROOT / "build" / "node" / "node_modules"))


def hostile(stage):
    """What comes from the open internet, once more with the memory watched, and leaks at the end."""
    build(stage, HOSTILE_BUILD)
    files = [path for name in HOSTILE for path in sorted((ROOT / "test" / "e2e").glob(f"test_{name}*.py"))]
    # Some tests run the tools by stdbuf, which wants to be the first library too.
    options = os.environ["ASAN_OPTIONS"] + ":detect_leaks=1:verify_asan_link_order=0"
    pytest(stage, ["-n", "4", *files], steady_addresses(), ASAN_OPTIONS=options,
           GODWIT_BIN=str(ROOT / "build" / HOSTILE_BUILD / "godwit"),
           NODE_PATH=str(ROOT / "build" / "node" / "node_modules"))


def bench(stage):
    """The measurements still build and come to an end; what they print is nobody's verdict."""
    build(stage, E2E_BUILD, "-DGODWIT_BENCH=ON")
    programs = ROOT / "build" / E2E_BUILD / "bench"
    for command in ([programs / "bench_subindex", 8192, 8192],
                    [programs / "bench_store", "--seconds", 0.5, "--messages", 20000],
                    [PYTHON, "bench/run-durable.py", "--smoke"]):
        stage.must_run(command)
        stage.add((1, 0))


def coverage(stage):
    build(stage, "coverage")
    ctest(stage, "coverage", r"^unit\.")
    page = ROOT / "build" / "coverage" / "html"
    page.mkdir(exist_ok=True)
    stage.must_run(["gcovr", "-r", ".", "-f", "src/", "-j", JOBS, "--txt", "-s",
                    "--html-details", page / "index.html", "build/coverage"])


# name: (function, seconds it may take, in the whole run?, what it does)
STAGES = {
    "unit": (unit_in("debug"), 600, True, "gcc debug build, unit tests"),
    "check": (check, 900, True, "script/check: the house rules"),
    "selftest": (check_the_check, 120, True, "each check of script/check goes red when it should"),
    "unit-asan": (unit_in("asan"), 800, True, "unit tests under AddressSanitizer and UBSan"),
    "fuzz": (fuzz, 300, True, "the corpus of every fuzz target, replayed"),
    "unit-clang": (unit_in("clang"), 800, True, "clang release build, unit tests"),
    "sim": (sim, 400, True, "the simulator on fresh seeds"),
    "conformance": (conformance, 600, True, "every statement of the standards, by number"),
    "e2e": (e2e, 1500, True, "the real binary with clients of other makers"),
    "hostile": (hostile, 1200, True, "peers that mean harm, under AddressSanitizer and UBSan"),
    "bench": (bench, 300, True, "the measurements build and run, for a second each"),
    "coverage": (coverage, 900, False, "unit tests with gcovr; pages in build/coverage/html"),
}
