import os


def call(message):
    """Writes a frame to standard output and reads one from standard input."""
    frame = len(message).to_bytes(8, "little") + message
    written = os.write(1, frame)
    while written < len(frame):
        written += os.write(1, memoryview(frame)[written:])

    # Small answers arrive in one piece.
    piece = os.read(0, 4096)
    while len(piece) < 8:
        more = os.read(0, 4096)
        if not more:
            raise EOFError("the host has closed the guest's standard input")
        piece += more
    left = int.from_bytes(piece[:8], "little") + 8 - len(piece)
    if not left:
        return piece[8:]
    pieces = [piece[8:]]
    while left:
        piece = os.read(0, left)
        if not piece:
            raise EOFError("the host has closed the guest's standard input")
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


# Standard output carries frames: what a workload prints goes elsewhere.
sys.stdout = sys.stderr
serve(call)
