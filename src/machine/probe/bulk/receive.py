# Run in a container's network namespace: receive.py ADDRESS BYTES STALL LONGEST. Prints its port, and goes on in the background: takes one
# connection, and when that has brought all, or nothing more for STALL seconds, answers "bytes sha512 why". Ends after LONGEST seconds.
import hashlib, os, signal, socket, sys

address, expected, stall, longest = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
listener = socket.socket()
listener.bind((address, 0))
listener.listen(1)
print(listener.getsockname()[1], flush=True)
if os.fork():
    os._exit(0)
os.setsid()
null = os.open(os.devnull, os.O_RDWR)
for descriptor in (0, 1, 2):
    os.dup2(null, descriptor)
signal.alarm(longest)
connection, _ = listener.accept()
listener.close()
connection.settimeout(stall)
sha512, count, why = hashlib.sha512(), 0, "-"
buffer = bytearray(1 << 18)
view = memoryview(buffer)
try:
    while True:
        length = connection.recv_into(buffer)
        if not length:
            break
        sha512.update(view[:length])
        count += length
    if count < expected:
        why = "the sender ended"
except OSError as error:
    why = f"nothing came for {stall:.0f} s" if isinstance(error, TimeoutError) else str(error)
connection.sendall(f"{count} {sha512.hexdigest()} {why}\n".encode())
