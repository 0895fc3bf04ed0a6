# SPDX-License-Identifier: Apache-2.0
"""Programs with threads and children that are recorded in more than one way: each block has a size of its own."""
THREADS = """
import threading
def work(n):
    for i in range(100):
        bytes(2000 + n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(100)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
SHORT_THREADS = """
import threading
def work():
    bytes(3333)
for i in range(1000):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""
FORK = """
import os
def child(n):
    for i in range(100):
        bytes(5000 + n)
for n in range(8):
    if not os.fork():
        child(n)
        os._exit(0)
for n in range(8):
    os.wait()
"""
