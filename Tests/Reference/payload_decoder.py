"""A decoder of contribution payloads, written from Docs/codec.md alone. Tests compare it with the mesh's own decoder.

    python3 payload_decoder.py CASES RESULTS

reads test cases from the file CASES and writes one result for each to the file RESULTS (see `main`).
"""

import math
import struct
import sys

CHUNK_PARAMETERS = 4096
SEGMENT_CHUNKS = 256
SQUARE_SUM_LIMIT = 1 << 120
DENSE_LIMIT = 1024.0
GAPS, FLOAT32, BITMAP, BFLOAT16 = 1, 2, 3, 4
DENSE_BYTES = {FLOAT32: 4, BFLOAT16: 2}


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


def head_bytes(kind, kept):
    return 3 if kind == GAPS and kept > 64 else 2


def largest_scale(bits):
    return 623 if bits == 8 else 687


def bitmap_bytes(parameters):
    return (parameters + 7) // 8


def segment_sizes(chunks, kind, bits, kept):
    """The smallest and the largest size of a segment."""
    if kind in DENSE_BYTES:
        size = DENSE_BYTES[kind] * sum(chunks)
        return size, size
    smallest = head_bytes(kind, kept) * len(chunks)
    limits = [entry_limit(kept, n) for n in chunks]
    if kind == GAPS:
        positions = sum(limit + (n - limit) // 255 for n, limit in zip(chunks, limits))
    else:
        positions = sum(bitmap_bytes(n) for n in chunks)
    return smallest, smallest + positions + (sum(limits) * bits + 7) // 8


def unit_of(scale):
    if scale < 32:
        return scale
    return (16 + scale % 16) * 2 ** (scale // 16 - 1)


def largest(tensors, kind, bits, kept):
    """The size of the largest payload of a layout."""
    layout = Layout(tensors)
    return 20 + sum(4 + segment_sizes(chunks, kind, bits, kept)[1] for chunks in layout.segments)


def read_gaps(data, chunks, bits, kept):
    """The place and the unit of each entry of a segment with gaps, and where the codes start."""
    count = len(chunks)
    planes = head_bytes(GAPS, kept)
    heads = []
    for position, parameters in enumerate(chunks):
        word = sum(data[plane * count + position] << (8 * plane) for plane in range(planes))
        limit = entry_limit(kept, parameters)
        missing, scale = word // 1024, word % 1024
        require(scale <= largest_scale(bits), "too-large")
        require(missing <= limit, "size-mismatch")
        require(word == 0 or (scale >= 1 and missing < limit), "not-canonical")
        heads.append((0 if word == 0 else limit - missing, unit_of(scale)))

    entries = sum(number for number, _ in heads)
    gap_end = len(data) - (entries * bits + 7) // 8
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
    return places, gap_end


def read_bitmaps(data, chunks, bits, kept):
    """The place and the unit of each entry of a segment with bitmaps, and where the codes start."""
    count = len(chunks)
    scales = [data[position] + 256 * data[count + position] for position in range(count)]
    for scale in scales:
        require(scale <= largest_scale(bits), "too-large")
    position = 2 * count
    end = position + sum(bitmap_bytes(n) for n, scale in zip(chunks, scales) if scale)
    require(end <= len(data), "size-mismatch")
    places = []
    start = 0
    for parameters, scale in zip(chunks, scales):
        if scale:
            size = bitmap_bytes(parameters)
            bitmap = int.from_bytes(data[position : position + size], "little")
            position += size
            require(bitmap < 1 << parameters, "not-canonical")
            chosen = [place for place in range(parameters) if bitmap >> place & 1]
            require(chosen, "not-canonical")
            require(len(chosen) <= entry_limit(kept, parameters), "size-mismatch")
            places += [(start + place, unit_of(scale)) for place in chosen]
        start += parameters
    require(end + (len(places) * bits + 7) // 8 == len(data), "size-mismatch")
    return places, end


def decode_top_k(data, chunks, kind, bits, kept):
    """The level and the unit of each parameter of one segment; the value is their product, in units of 2^-40."""
    places, code_start = (read_gaps if kind == GAPS else read_bitmaps)(data, chunks, bits, kept)
    codes = int.from_bytes(data[code_start:], "little")
    require(codes >> (len(places) * bits) == 0, "not-canonical")
    pairs = [(0, 0)] * sum(chunks)
    for number, (place, unit) in enumerate(places):
        first = number * bits
        code = data[code_start + first // 8] >> (first % 8) & (2**bits - 1)
        pairs[place] = (2 * code - (2**bits - 1), unit)
    return pairs


def decode_dense(data, chunks, kind):
    """The value of each parameter of one segment, in units of 2^-40, as a level of unit 1."""
    pairs = []
    start = 0
    for parameters in chunks:
        if kind == FLOAT32:
            floats = struct.unpack_from("<%df" % parameters, data, 4 * start)
        else:  # a bfloat16 is the upper half of a float32
            halves = struct.unpack_from("<%dH" % parameters, data, 2 * start)
            floats = struct.unpack("<%df" % parameters, struct.pack("<%dI" % parameters, *(h << 16 for h in halves)))
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
        if kind in DENSE_BYTES:
            found = decode_dense(data, chunks, kind)
        else:
            found = decode_top_k(data, chunks, kind, bits, kept)
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
