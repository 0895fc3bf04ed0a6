# SPDX-License-Identifier: Apache-2.0
"""Several threads that compute, wait, talk through pipes, start processes and take signals, always the same: what they print at
the end does not depend on how often somebody stopped them. Argument: rounds."""
import hashlib
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time

ROUNDS = int(sys.argv[1])
results, troubles = {}, []


def guarded(name, work):
    def run():
        digest = hashlib.sha256()
        try:
            for i in range(ROUNDS):
                digest.update(work(i))
        except BaseException as trouble:
            troubles.append(f"{name}: {trouble!r}")
        results[name] = digest.hexdigest()
    return threading.Thread(target=run, name=name)


def compute(i):
    kept = [str(k * i) for k in range(300)]
    return hashlib.sha256("".join(kept).encode()).digest()


def wait(i):
    begin = time.monotonic()
    time.sleep(0.002)
    return b"early" if time.monotonic() - begin < 0.002 else b"waited"


def talk(i, ends=os.pipe()):
    os.write(ends[1], b"%d" % i)
    ready = select.select([ends[0]], [], [], 5)[0]
    return os.read(ends[0], 100) if ready else b"nothing"


def wait_in_vain(i, ends=os.pipe()):
    poller = select.epoll()
    poller.register(ends[0], select.EPOLLIN)
    seen = poller.poll(0.002)
    poller.close()
    return repr(seen).encode()


def hand_over(i, box=queue.Queue()):
    threading.Thread(target=box.put, args=(i,)).start()
    return b"%d" % box.get(timeout=5)


def start_process(i):
    if i % 50:
        return b""
    return subprocess.run(["/bin/echo", str(i)], capture_output=True, check=True).stdout


count = 0


def take_signal(number, frame):
    global count
    count += 1


signal.signal(signal.SIGUSR1, take_signal)
threads = [guarded(work.__name__, work) for work in (compute, wait, talk, wait_in_vain, hand_over, start_process)]
for thread in threads:
    thread.start()
print(flush=True)
for i in range(ROUNDS // 10):
    os.kill(os.getpid(), signal.SIGUSR1)
    while count <= i:
        time.sleep(0.0005)
for thread in threads:
    thread.join()
print(sorted(results.items()), count, troubles)
