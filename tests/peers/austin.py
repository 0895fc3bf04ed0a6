# SPDX-License-Identifier: Apache-2.0
"""austin.py [--rounds N] [--seconds S] [--python PYTHON]: what sampling at 1 kHz costs with memflow and with austin, in one
interleaved run on one process of one thread, 31 functions deep. AUSTIN is the command, `austin` when it is not set; MEMFLOW
likewise. Exit status 77: austin is not there.

sampler     CPU time of the sampler with all its threads over the time that it ran, start-up taken off by a second, shorter run
target      CPU time that the process needs for the same work, over that while the sampler is stopped, which it is every other 100 ms:
            the median of all pairs, and its standard error
samples     taken, of those that were asked for

The limits hold for a machine of which austin takes 2.5 to 3.2 % of a core. A slower or busier one, where each call of the
system finds the caches cold, takes more for both: the sampler's limit grows with what austin takes."""
import argparse
import os
import re
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MEMFLOW = shlex.split(os.environ.get("MEMFLOW", "memflow"))
AUSTIN = shlex.split(os.environ.get("AUSTIN", "austin"))
START_UP = 0.5  # seconds of the shorter run
WINDOW, PAIRS = 0.1, 15  # seconds; in each round
MOST_SAMPLER, MOST_TARGET = 0.02, 0.03
AUSTIN_TAKES = 0.0285  # of a core, on the machine of the limits
PROGRAM = """
import os, signal, time
units = 0
def answer(number, frame):
    os.write(1, b"%d %f\\n" % (units, time.process_time()))
def work(n):
    return work(n - 1) if n else spin()
def unit(i):
    kept = {k: str(k * i) for k in range(60)}
    return sum(map(len, kept.values()))
def spin():
    global units
    while True:
        unit(units)
        units += 1
signal.signal(signal.SIGUSR1, answer)
print(flush=True)
work(28)
"""
CONFIGURATION = """
[collector target]
plugin = ptrace
interval = 1ms

[format recording]
plugin = capture
path = stacks.mfc
"""


class Target:
    def __init__(self, python):
        self.process = subprocess.Popen([python, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        time.sleep(0.3)

    def unit_cost(self, seconds):
        """CPU seconds for a unit of work."""
        before = self.figures()
        time.sleep(seconds)
        units, used = (b - a for a, b in zip(before, self.figures()))
        return used / units

    def figures(self):
        self.process.send_signal(signal.SIGUSR1)
        units, cpu = self.process.stdout.readline().split()
        return int(units), float(cpu)

    def end(self):
        self.process.kill()
        self.process.communicate()


class Sampler:
    def __init__(self, folder):
        self.folder = folder

    def start(self, pid, seconds):
        return subprocess.Popen(self.words(pid, seconds), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def slowdowns(self, target):
        """What a unit of work costs while the sampler runs, over that while it is stopped, less 1: one figure for each pair."""
        process = self.start(target.process.pid, PAIRS * 2 * WINDOW + 60)
        time.sleep(START_UP)
        pairs = []
        for _ in range(PAIRS):
            sampled = target.unit_cost(WINDOW)
            process.send_signal(signal.SIGSTOP)
            pairs.append(sampled / target.unit_cost(WINDOW) - 1)
            process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()
        return pairs

    def run(self, pid, seconds):
        """CPU seconds and samples of one run."""
        process = self.start(pid, seconds)
        said = process.stdout.read().decode(errors="replace")
        process.stdout.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{process.args}: {said}")
        return used.ru_utime + used.ru_stime, self.samples(said)


class Memflow(Sampler):
    def words(self, pid, seconds):
        (self.folder / "pace.ini").write_text(CONFIGURATION)
        return [*MEMFLOW, "run", "pace.ini", "--for", f"{round(seconds * 1000)}ms", "--set", f"target.pid={pid}"]

    @staticmethod
    def samples(said):
        return int(re.search(r"(\d+) looks at process", said).group(1))


class Austin(Sampler):
    def words(self, pid, seconds):
        return [*AUSTIN, "-i", "1000", "-x", str(max(1, round(seconds))), "-o", str(self.folder / "austin.out"), "-p", str(pid)]

    @staticmethod
    def samples(said):
        return int(re.search(r"/(\d+)\S* *\(.*samples took longer", said).group(1))


def measure(sampler, target, seconds):
    """The sampler's share of a core, and samples of those that were asked for."""
    short, longer = (START_UP, seconds) if isinstance(sampler, Memflow) else (1, seconds + 1)
    begin_cpu, _ = sampler.run(target.process.pid, short)
    cpu, samples = sampler.run(target.process.pid, longer)
    return (cpu - begin_cpu) / (longer - short), samples / (longer * 1000)


def error_of_median(values):
    """Its standard error, by the quartiles: some pairs lie far out, where others ran on this core."""
    first, _, third = statistics.quantiles(values, n=4)
    return 1.25 * (third - first) / 1.35 / len(values) ** 0.5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    try:
        subprocess.run([*AUSTIN, "--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        print("# skipped: austin is not installed")
        sys.exit(77)
    target = Target(arguments.python)
    shares, told, slower = ({"memflow": [], "austin": []} for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        samplers = {"memflow": Memflow(Path(folder)), "austin": Austin(Path(folder))}
        for turn in range(arguments.rounds):
            for name in list(samplers)[::1 if turn % 2 else -1]:
                share, samples = measure(samplers[name], target, arguments.seconds)
                shares[name].append(share)
                told[name].append(samples)
                slower[name] += samplers[name].slowdowns(target)
                print(f"# round {turn + 1}, {name}: sampler {share:.2%}, target {statistics.median(slower[name][-PAIRS:]):+.2%}, "
                      f"samples {samples:.1%}", flush=True)
    target.end()
    error = {name: error_of_median(values) for name, values in slower.items()}
    most = {"sampler": MOST_SAMPLER * max(1, statistics.median(shares["austin"]) / AUSTIN_TAKES), "target": MOST_TARGET + 2 * error["memflow"]}
    figures = {name: {"sampler": statistics.median(shares[name]), "target": statistics.median(slower[name])} for name in samplers}
    for name, its in figures.items():
        for what, value in its.items():
            print(f"# measured {name}-{what} {value * 100:.2f} %" + (f" <= {most[what] * 100:.2f}" if name == "memflow" else ""))
        print(f"# measured {name}-target-error {error[name] * 100:.2f} %")
        print(f"# measured {name}-samples {statistics.median(told[name]) * 100:.1f} %")
    return 0 if all(figures["memflow"][what] <= limit for what, limit in most.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
