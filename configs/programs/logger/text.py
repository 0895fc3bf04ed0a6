"""Numbers and lines as text."""

DIGITS = [str(i) for i in range(10)]


def number(value):
    return "%.2f" % value


def join(parts):
    return ";".join(parts) + "\n"
