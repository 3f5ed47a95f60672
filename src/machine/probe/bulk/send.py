# Run in a container's network namespace: send.py ADDRESS PORT BYTES STALL. Sends random bytes, no MiB like another, and prints what it
# sent ("sent bytes sha512 why"), what the other end says that it received ("received bytes sha512 why"), and "seconds S".
import hashlib, os, socket, sys, time

address, port, total, stall = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
PIECE = 1 << 20


def words(error):
    return f"no progress for {stall:.0f} s" if isinstance(error, TimeoutError) else str(error)


try:
    connection = socket.create_connection((address, port), timeout=stall)
except OSError as error:
    print("connect", words(error))
    sys.exit()
sha512, count, why = hashlib.sha512(), 0, "-"
noise = os.urandom(PIECE)
started = time.monotonic()
try:
    for number in range(total // PIECE):
        piece = memoryview(number.to_bytes(8, "big") + noise[8:])
        sha512.update(piece)
        while piece:
            length = connection.send(piece)
            count += length
            piece = piece[length:]
    connection.shutdown(socket.SHUT_WR)
except OSError as error:
    why = words(error)
print("sent", count, sha512.hexdigest(), why)
try:
    # The other end may have waited for as long before it says so.
    connection.settimeout(2 * stall)
    print("received", connection.makefile().readline().strip())
    print("seconds", time.monotonic() - started)
except OSError as error:
    print("received 0 -", "no answer: " + words(error))
