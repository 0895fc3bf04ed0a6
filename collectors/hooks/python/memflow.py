# SPDX-License-Identifier: Apache-2.0
"""Names for what a program does, in its recording by memflow: one file, to be copied beside the program.

    import memflow

    with memflow.track("load"):        # a phase; also as a decorator of a function
        ...
    memflow.mark("cache is full")      # a moment
    memflow.stop()                     # record nothing from here ...
    memflow.start()                    # ... to here

Without memflow around the program all of this does nothing, and nothing here ever raises.
"""
import functools

__all__ = ["active", "mark", "start", "stop", "track"]

_POINT, _BEGIN, _END = range(3)


def _functions():
    """The two functions of the agent in this process, or None. Without the agent ctypes is not even imported."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            if not any("libmemflow-agent" in line for line in maps):
                return None
        import ctypes
        agent = ctypes.PyDLL(None)
        agent.memflow_mark.argtypes = [ctypes.c_char_p, ctypes.c_uint]
        agent.memflow_record.argtypes = [ctypes.c_int]
        return agent.memflow_mark, agent.memflow_record
    except Exception:
        return None


_agent = _functions()


def _mark(name, kind):
    if _agent is None:
        return False
    try:
        return bool(_agent[0](str(name).encode("utf-8", "replace"), kind))
    except Exception:
        return False


def _record(on):
    try:
        return _agent is not None and bool(_agent[1](on))
    except Exception:
        return False


def active():
    """Whether memflow is there to record this process."""
    return _agent is not None


def mark(name):
    """Names this moment. True = it has been recorded."""
    return _mark(name, _POINT)


def start():
    """Records from here on. True = memflow is there. What was allocated before stays out of all figures of live memory."""
    return _record(1)


def stop():
    """Records nothing from here on, in all threads of this process."""
    return _record(0)


class track:
    """A phase with a name: `with track("load"):`, or `@track("load")` before a function, an `async def` included."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        _mark(self.name, _BEGIN)
        return self

    def __exit__(self, *error):
        _mark(self.name, _END)
        return False

    def __call__(self, function):
        coroutine = 0x80  # CO_COROUTINE
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & coroutine:
            async def phase(*args, **kwargs):
                with self:
                    return await function(*args, **kwargs)
        else:
            def phase(*args, **kwargs):
                with self:
                    return function(*args, **kwargs)
        return functools.wraps(function)(phase)
