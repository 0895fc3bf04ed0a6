"""A data logger as it stands on a board: samples a channel, keeps the last readings, writes a line a minute."""
import samples
import text

LIMITS = {"temperature": (-40.0, 85.0), "humidity": (0.0, 100.0), "battery": (2.8, 4.3)}
CHANNELS = tuple(sorted(LIMITS))


class Logger:
    def __init__(self, channels, keep=32):
        self.channels = channels
        self.rings = {name: samples.Ring(keep) for name in channels}
        self.errors = []

    def take(self, name, value):
        low, high = LIMITS[name]
        if not low <= value <= high:
            self.errors.append((name, value))  # never emptied: grows as long as the program runs
            return False
        self.rings[name].add(value)
        return True

    def line(self):
        return text.join(name + "=" + text.number(self.rings[name].mean()) for name in self.channels)


def drain(port, logger):
    taken = []
    while port.waiting():
        taken.append(port.read())
    for name, value in taken:
        logger.take(name, value)


def make():
    return Logger(CHANNELS)
