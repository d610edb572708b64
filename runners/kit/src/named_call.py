import host
import uctypes


def call(message):
    """Has the host take a message, and makes room for its answer."""
    length = int(host.call("take", message))
    answer = bytearray(length)
    if length:
        host.call("put", uctypes.addressof(answer).to_bytes(4, "little"))
    return bytes(answer)


try:
    serve(call)
except OSError:
    # To flush is to sync here, which Wasmtime refuses for what is no file. All else is reported.
    pass
