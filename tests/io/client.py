"""What the black-box tests' clients share: system calls that Python lacks, and checks.

Used as `from client import *` in the scripts that client() of lib.sh runs.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import random
import stat
import subprocess
import sys
import time

KEEP_SIZE, PUNCH_HOLE, COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE, UNSHARE_RANGE = (
    1, 2, 8, 16, 32, 64)
PAGE = 4096
MIB = 1 << 20

libc = ctypes.CDLL(None, use_errno=True)


def fail(what):
    """Ends the client with a message."""
    raise AssertionError(what)


def equal(actual, expected, what="value"):
    """Fails unless both are the same; long byte strings are told by their first difference."""
    if actual == expected:
        return
    if isinstance(actual, (bytes, bytearray)) and len(actual) > 64:
        at = next((i for i, (a, b) in enumerate(zip(actual, expected)) if a != b),
                  min(len(actual), len(expected)))
        fail(f"{what}: lengths {len(actual)} and {len(expected)}, first difference at {at}")
    fail(f"{what} is {actual!r}, expected {expected!r}")


def expect_errno(code, function, *arguments):
    """Fails unless the call fails with this errno."""
    try:
        result = function(*arguments)
    except OSError as error:
        equal(errno.errorcode[error.errno], errno.errorcode[code], f"errno of {function.__name__}")
        return
    fail(f"{function.__name__} returned {result!r}, expected {errno.errorcode[code]}")


def fallocate(fd, mode, offset, length):
    """fallocate(2) with any mode."""
    libc.fallocate64.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    if libc.fallocate64(fd, mode, offset, length) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


def extents(fd, size):
    """(start, end, kind) for all of [0, size), kind 'data' or 'hole', from SEEK_DATA/SEEK_HOLE."""
    found, at = [], 0
    while at < size:
        try:
            data = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            equal(error.errno, errno.ENXIO, "errno of SEEK_DATA")
            data = size
        if data > at:
            found.append((at, min(data, size), "hole"))
        if data >= size:
            break
        at = min(os.lseek(fd, data, os.SEEK_HOLE), size)
        found.append((data, at, "data"))
    return found


def resident_pages(fd, length):
    """How many pages of the file's first bytes are in the page cache."""
    pages = (length + PAGE - 1) // PAGE
    vector = (ctypes.c_ubyte * pages)()
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                          ctypes.c_int, ctypes.c_int64]
    address = libc.mmap(None, length, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(length), vector) != 0:
        raise OSError(ctypes.get_errno(), "mincore")
    libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(length))
    return sum(byte & 1 for byte in vector)


def aligned_buffer(length):
    """Memory that O_DIRECT accepts."""
    return mmap.mmap(-1, length)


def within(seconds, condition, what):
    """Fails unless the condition comes true in time; returns the seconds that it took."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            fail(f"{what}: not within {seconds} s")
        time.sleep(0.002)
    return time.monotonic() - start
