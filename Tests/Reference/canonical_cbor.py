"""The part of CBOR that ledger records use, in its one encoding (Docs/records.md, "Encoding").

Values are int, bytes, str, list, dict, bool and None. `decode` refuses every input that `encode` would not produce.
"""

DEPTH_LIMIT = 12


class Refused(Exception):
    """The input is not a valid record, ledger or chain. The text says what is wrong."""


def encode(value):
    """The one encoding of a value."""
    if value is None:
        return b"\xf6"
    if value is False:
        return b"\xf4"
    if value is True:
        return b"\xf5"
    if isinstance(value, int):
        return _head(0, value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode("utf-8")
        return _head(3, len(text)) + text
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(encode(item) for item in value)
    keys = sorted(value, key=_key_order)
    return _head(5, len(keys)) + b"".join(encode(key) + encode(value[key]) for key in keys)


def decode(data):
    """The value whose one encoding is exactly `data`."""
    value, end = _value(data, 0, 0)
    if end != len(data):
        raise Refused("bytes follow the record")
    return value


def _key_order(key):
    text = key.encode("utf-8")
    return len(text), text


def _head(major, argument):
    if argument < 24:
        return bytes([major << 5 | argument])
    for information, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * width):
            return bytes([major << 5 | information]) + argument.to_bytes(width, "big")
    raise Refused("an integer has more than 64 bits")


def _take(data, position, count):
    if count > len(data) - position:
        raise Refused("the record is truncated")
    return data[position : position + count], position + count


def _argument(data, position, information):
    if information < 24:
        return information, position
    if information > 27:
        raise Refused("an item has an unsupported length form")
    width = 1 << (information - 24)
    taken, position = _take(data, position, width)
    value = int.from_bytes(taken, "big")
    if value < (24 if width == 1 else 1 << (4 * width)):
        raise Refused("an integer is not in its shortest form")
    return value, position


def _value(data, position, depth):
    if depth >= DEPTH_LIMIT:
        raise Refused("containers are nested too deeply")
    initial, position = _take(data, position, 1)
    initial = initial[0]
    if initial in (0xF4, 0xF5, 0xF6):
        return {0xF4: False, 0xF5: True, 0xF6: None}[initial], position
    major = initial >> 5
    if major not in (0, 2, 3, 4, 5):
        raise Refused(f"unsupported item 0x{initial:02x}")
    argument, position = _argument(data, position, initial & 31)
    if major == 0:
        return argument, position
    if major in (2, 3):
        taken, position = _take(data, position, argument)
        if major == 2:
            return bytes(taken), position
        try:
            return bytes(taken).decode("utf-8"), position
        except UnicodeDecodeError:
            raise Refused("a text is not UTF-8") from None
    if argument > len(data) - position:
        raise Refused("the record is truncated")
    if major == 4:
        items = []
        for _ in range(argument):
            item, position = _value(data, position, depth + 1)
            items.append(item)
        return items, position
    entries, last = {}, None
    for _ in range(argument):
        key, position = _value(data, position, depth + 1)
        if not isinstance(key, str):
            raise Refused("a key is not a text")
        if last is not None and _key_order(last) >= _key_order(key):
            raise Refused(f"the key {key} is out of order or repeated")
        entries[key], position = _value(data, position, depth + 1)
        last = key
    return entries, position
