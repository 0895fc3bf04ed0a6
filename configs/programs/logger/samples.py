"""The last readings of one channel."""


class Ring:
    __slots__ = ("values", "at", "full")

    def __init__(self, size):
        self.values = [0.0] * size
        self.at = 0
        self.full = False

    def add(self, value):
        self.values[self.at] = value
        self.at = (self.at + 1) % len(self.values)
        self.full = self.full or self.at == 0

    def mean(self):
        n = len(self.values) if self.full else self.at
        return sum(self.values[:n]) / n if n else 0.0
