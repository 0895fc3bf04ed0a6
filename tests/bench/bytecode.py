# SPDX-License-Identifier: Apache-2.0
"""The rate of reading the compiled standard library of Debian's Python, beside that of its own marshal on the same
files: the reader also decodes instructions and lines, which takes dis about 90 times as long."""
import marshal
import os
import resource
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

RATIO = 3.3  # 0.1 s where marshal takes 0.03 s
PEAK = 64  # MiB


def marshal_seconds(paths):
    contents = [path.read_bytes()[16:] for path in paths]
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for content in contents:
            marshal.loads(content)
        best = min(best, time.perf_counter() - start)
    return best


def main():
    paths = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.pyc"))
    if len(paths) < 100:
        print("the standard library is not compiled here")
        return 77
    said = subprocess.run([os.environ["BENCH_BYTECODE"]], input="\n".join(map(str, paths)), text=True,
                          capture_output=True, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    seconds, instructions, problems = said.stdout.split()
    ratio = float(seconds) / marshal_seconds(paths)
    print(f"# measured files {len(paths)} files")
    print(f"# measured instructions {instructions} instructions")
    print(f"# measured problems {problems} problems == 0")
    print(f"# measured seconds {seconds} s")
    print(f"# measured beside-marshal {ratio:.2f} ratio <= {RATIO}")
    print(f"# measured reader-peak {peak:.1f} MiB <= {PEAK}")
    return ratio > RATIO or peak > PEAK or int(problems) > 0


if __name__ == "__main__":
    sys.exit(main())
