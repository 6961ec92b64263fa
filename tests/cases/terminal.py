"""Runs a program on a terminal of 80 columns and types: terminal.py LOG PROGRAM ARGUMENT… -- KEYS…

KEYS are typed one after the other, each once the program has been silent for a while; \\r, \\x03 and so on are known. All
that the program writes goes to LOG. Ends with 0 if the program ended by itself within twenty seconds of the last keys.
"""
import os
import pty
import select
import signal
import struct
import sys
import time
import fcntl
import termios

log, *rest = sys.argv[1:]
split = rest.index("--")
command, keys = rest[:split], [key.encode().decode("unicode_escape").encode("latin-1") for key in rest[split + 1 :]]
process, terminal = pty.fork()
if process == 0:
    os.environ.setdefault("TERM", "xterm")
    os.execv(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))


def read_until_silent(out, silence):
    """False at the end of the program."""
    while select.select([terminal], [], [], silence)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return False
        if not data:
            return False
        out.write(data)
    return True


with open(log, "wb") as out:
    running = True
    for key in keys:
        running = read_until_silent(out, 3.0)
        if not running:
            break
        os.write(terminal, key)
    deadline = time.monotonic() + 20
    while running and time.monotonic() < deadline:
        running = read_until_silent(out, 0.5)
    if running:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
sys.exit(1 if running or os.WIFSIGNALED(status) else 0)
