"""Loopback in a network namespace of its own."""

import fcntl
import socket
import struct


def raise_loopback():
    """Brings up loopback, which is down in a new network namespace."""
    get, put, up = 0x8913, 0x8914, 1  # netdevice(7): SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name, flags = struct.unpack("16sh", fcntl.ioctl(any_socket, get, struct.pack("16sh", b"lo", 0)))
        if not flags & up:
            fcntl.ioctl(any_socket, put, struct.pack("16sh", name, flags | up))
