"""Wire: framing and protobuf's encoding (protobuf.dev/programming-guides/encoding), as event files and W&B use them."""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Iterator
from typing import Any


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message as (number, value): a variable-length integer as int, all else as its bytes."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            value |= (message[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 0x80:
                return value
            if shift > 63:
                raise ValueError("a number in it has no end")

    while at < len(message):
        number, wire = divmod(varint(), 8)
        if wire == 0:
            yield number, varint()
        else:
            size = {1: 8, 5: 4}.get(wire) or varint()
            yield number, message[at : at + size]
            at += size


def tfrecords(data: bytes) -> Iterator[bytes]:
    """The records of a TFRecord file, up to one that its writer did not finish: a length, a record, a checksum of each
    (www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details")."""
    at = 0
    while at + 12 <= len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        _intact(_masked_crc32c(data[at : at + 8]), data, at + 8)
        record = data[at + 12 : at + 12 + size]
        at += 16 + size
        if at > len(data):
            return
        _intact(_masked_crc32c(record), data, at - 4)
        yield record


def leveldb(data: bytes) -> Iterator[bytes]:
    """The records of a W&B run file, up to one that its writer did not finish: LevelDB's log format behind seven bytes
    (github.com/google/leveldb/blob/main/doc/log_format.md), with a plain CRC-32."""
    if data[:4] != b":W&B":
        raise ValueError("it does not begin as a W&B run")
    at, record = 7, b""
    while at + 7 <= len(data):
        if (left := 32768 - at % 32768) < 7:
            at += left
            continue
        size, kind = struct.unpack_from("<HB", data, at + 4)
        part = data[at + 7 : at + 7 + size]
        if len(part) < size:
            return
        _intact(zlib.crc32(part, zlib.crc32(bytes([kind]))), data, at)
        at += 7 + size
        record += part
        if kind in (1, 4):  # full, last
            yield record
            record = b""


def _intact(checksum: int, data: bytes, at: int) -> None:
    if struct.unpack_from("<I", data, at)[0] != checksum:
        raise ValueError(f"it is damaged at byte {at}")


@functools.cache
def _crc32c_table() -> list[int]:
    """CRC-32C by byte: the Castagnoli polynomial, bits reversed (RFC 3720, B.4)."""
    return [functools.reduce(lambda c, _: c >> 1 ^ (0x82F63B78 if c & 1 else 0), range(8), n) for n in range(256)]


def _masked_crc32c(data: bytes) -> int:
    table, crc = _crc32c_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
