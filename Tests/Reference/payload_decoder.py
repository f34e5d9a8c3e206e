"""A decoder of contribution payloads, written from Docs/codec.md alone. Tests compare it with the mesh's own decoder.

    python3 payload_decoder.py CASES RESULTS

reads test cases from the file CASES and writes one result for each to the file RESULTS (see `main`).
"""

import math
import struct
import sys

CHUNK_PARAMETERS = 4096
SEGMENT_CHUNKS = 256
SCALE_LARGEST = 687
SQUARE_SUM_LIMIT = 1 << 120
DENSE_LIMIT = 1024.0
TOP_K, DENSE = 1, 2


class Refusal(Exception):
    """The payload is invalid; the argument is the refusal's name in the protocol."""


def require(condition, name):
    if not condition:
        raise Refusal(name)


class Layout:
    """The chunks and segments of a list of tensors, given by their numbers of parameters."""

    def __init__(self, tensors):
        self.parameters = sum(tensors)
        self.chunks = []
        for count in tensors:
            for start in range(0, count, CHUNK_PARAMETERS):
                self.chunks.append(min(CHUNK_PARAMETERS, count - start))
        self.segments = [
            self.chunks[start : start + SEGMENT_CHUNKS] for start in range(0, len(self.chunks), SEGMENT_CHUNKS)
        ]


def entry_limit(kept, parameters):
    return max(1, kept * parameters // CHUNK_PARAMETERS)


def head_bytes(kept):
    return 2 if kept <= 64 else 3


def segment_sizes(chunks, kind, bits, kept):
    """The smallest and the largest size of a segment."""
    if kind == DENSE:
        size = 4 * sum(chunks)
        return size, size
    smallest = head_bytes(kept) * len(chunks)
    limits = [entry_limit(kept, n) for n in chunks]
    gaps = sum(limit + (n - limit) // 255 for n, limit in zip(chunks, limits))
    return smallest, smallest + gaps + (sum(limits) * bits + 7) // 8


def unit_of(scale):
    if scale < 32:
        return scale
    return (16 + scale % 16) * 2 ** (scale // 16 - 1)


def largest(tensors, kind, bits, kept):
    """The size of the largest payload of a layout."""
    layout = Layout(tensors)
    return 20 + sum(4 + segment_sizes(chunks, kind, bits, kept)[1] for chunks in layout.segments)


def decode_top_k(data, chunks, bits, kept):
    """The level and the unit of each parameter of one segment; the value is their product, in units of 2^-40."""
    count = len(chunks)
    planes = head_bytes(kept)
    heads = []
    for position, parameters in enumerate(chunks):
        word = sum(data[plane * count + position] << (8 * plane) for plane in range(planes))
        limit = entry_limit(kept, parameters)
        missing, scale = word // 1024, word % 1024
        require(scale <= SCALE_LARGEST, "too-large")
        require(missing <= limit, "size-mismatch")
        require(word == 0 or (scale >= 1 and missing < limit), "not-canonical")
        heads.append((0 if word == 0 else limit - missing, unit_of(scale)))

    entries = sum(number for number, _ in heads)
    code_bytes = (entries * bits + 7) // 8
    gap_end = len(data) - code_bytes
    position = planes * count
    require(gap_end - position >= entries, "size-mismatch")

    places = []
    start = 0
    for (number, unit), parameters in zip(heads, chunks):
        place = -1
        for _ in range(number):
            place += 1
            while True:
                require(position < gap_end, "size-mismatch")
                byte = data[position]
                position += 1
                place += byte
                require(place < parameters, "index-out-of-order")
                if byte != 255:
                    break
            places.append((start + place, unit))
        start += parameters
    require(position == gap_end, "size-mismatch")

    codes = int.from_bytes(data[gap_end:], "little")
    pairs = [(0, 0)] * sum(chunks)
    for place, unit in places:
        code = codes % 2**bits
        codes //= 2**bits
        pairs[place] = (2 * code - (2**bits - 1), unit)
    require(codes == 0, "not-canonical")
    return pairs


def decode_dense(data, chunks):
    """The value of each parameter of one segment, in units of 2^-40, as a level of unit 1."""
    pairs = []
    start = 0
    for parameters in chunks:
        floats = struct.unpack_from("<%df" % parameters, data, 4 * start)
        require(all(math.isfinite(number) for number in floats), "non-finite")
        require(all(abs(number) < DENSE_LIMIT for number in floats), "too-large")
        # A float32 times 2^40 is exact in Python's float64, and round() takes ties to even.
        pairs += [(round(number * 2.0**40), 1) for number in floats]
        start += parameters
    return pairs


def decode(payload, tensors, kind, bits, kept, norm=None):
    """The values of all parameters in units of 2^-40, and their norm. Raises Refusal."""
    pairs, found_norm = decode_pairs(payload, tensors, kind, bits, kept, norm)
    return [level * unit for level, unit in pairs], found_norm


def decode_pairs(payload, tensors, kind, bits, kept, norm=None):
    """The level and unit of all parameters, and the norm of the values. Raises Refusal."""
    layout = Layout(tensors)
    start = 20 + 4 * len(layout.segments)
    require(len(payload) >= 20, "size-mismatch")
    magic, found_kind, found_bits, found_kept, parameters, segments = struct.unpack_from("<4sBBHQI", payload)
    require(
        magic == b"MPG2" and (found_kind, found_bits, found_kept) == (kind, bits, kept), "dtype-mismatch"
    )
    require(parameters == layout.parameters, "shape-mismatch")
    require(segments == len(layout.segments), "size-mismatch")
    require(len(payload) >= start, "size-mismatch")
    sizes = struct.unpack_from("<%dI" % segments, payload, 20)
    for size, chunks in zip(sizes, layout.segments):
        smallest, largest = segment_sizes(chunks, kind, bits, kept)
        require(smallest <= size <= largest, "size-mismatch")
    require(start + sum(sizes) == len(payload), "size-mismatch")

    pairs = []
    squares = 0
    for size, chunks in zip(sizes, layout.segments):
        data = payload[start : start + size]
        start += size
        found = decode_dense(data, chunks) if kind == DENSE else decode_top_k(data, chunks, bits, kept)
        squares += sum((level * unit) ** 2 for level, unit in found)
        require(squares < SQUARE_SUM_LIMIT, "too-large")
        pairs += found
    found_norm = math.isqrt(squares)
    require(norm is None or norm == found_norm, "norm-mismatch")
    return pairs, found_norm


def main(cases_path, results_path):
    """A case is, little-endian: u32 number of tensors, u32 parameters of each, u8 kind, u8 bits, u16 kept, u8 whether a
    norm is claimed, u64 claimed norm, u32 payload size, payload. A result is u8 1, u64 norm, i64 values; or u8 0, u8
    length of the refusal's name, its name."""
    with open(cases_path, "rb") as file:
        data = file.read()
    results = bytearray()
    position = 0

    def take(form):
        nonlocal position
        fields = struct.unpack_from("<" + form, data, position)
        position += struct.calcsize("<" + form)
        return fields

    while position < len(data):
        (count,) = take("I")
        tensors = take("%dI" % count)
        kind, bits, kept, claims_norm, claimed, size = take("BBHBQI")
        payload = data[position : position + size]
        position += size
        try:
            values, norm = decode(payload, tensors, kind, bits, kept, claimed if claims_norm else None)
            results += struct.pack("<BQ%dq" % len(values), 1, norm, *values)
        except Refusal as refusal:
            name = refusal.args[0].encode()
            results += struct.pack("<BB", 0, len(name)) + name
    with open(results_path, "wb") as file:
        file.write(results)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
