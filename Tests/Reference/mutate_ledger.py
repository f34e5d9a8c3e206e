#!/usr/bin/env python3
"""Alters an exported ledger in many small ways and checks that verify_ledger.py refuses each of them.

    mutate_ledger.py GENESIS LEDGER --count N --seed S [--write DIR --written N]

A mutation either flips one bit of the file, or changes one field of a decoded version and encodes it again: an integer by
one, a bit of a byte string, a text, a list without one item or with two items exchanged, an optional value removed. The
altered version is then a valid record, so only the rules of the chain can refuse it. With --write the first mutants are
written to files, for another verifier. Exit status 0 only if every mutant was refused.
"""

import argparse
import copy
import functools
import os
import random
import struct
import sys

import ledger_chain
import ledger_records
from canonical_cbor import Refused, decode, encode
from verify_ledger import NETWORK, VERSION, Items, read_genesis, verify

# A mutant repeats almost all signatures of the ledger.
_is_signed = ledger_records.is_signed


@functools.lru_cache(maxsize=None)
def _remembered(tag, statement, signature, key, network):
    return _is_signed(tag, decode(statement), signature, key, network)


def is_signed(tag, record, signature, key, network):
    return _remembered(tag, encode(record), signature, key, network)


ledger_chain.is_signed = is_signed


def items_of(data):
    """The items of a ledger as (kind, body)."""
    items, found = Items(data), []
    while items.position < len(data):
        found.append(items.next(1, 2, 3, 4, 5))
    return found


def file_of(items):
    body = b"".join(struct.pack("<B7xQ", kind, len(body)) + body for kind, body in items)
    return b"meshlgr\n" + struct.pack("<II", 1, 0) + body


def places(value, path=()):
    """The paths of every value inside a record."""
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], path + (key,))


def altered(value, choose):
    """Another value of the same kind, or None if there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1 if value == 0 or choose.random() < 0.5 else value - 1
    if isinstance(value, bytes) and value:
        place = choose.randrange(8 * len(value))
        return value[: place // 8] + bytes([value[place // 8] ^ 1 << place % 8]) + value[place // 8 + 1 :]
    if isinstance(value, str) and value:
        return choose.choice([value[:-1], value + "x"])
    if isinstance(value, list) and value:
        changed = list(value)
        if len(changed) > 1 and choose.random() < 0.5:
            first, second = choose.sample(range(len(changed)), 2)
            changed[first], changed[second] = changed[second], changed[first]
        else:
            del changed[choose.randrange(len(changed))]
        return changed if changed != value else None
    return None


def altered_record(body, choose):
    record = decode(body)
    for _ in range(100):
        path = choose.choice(list(places(record)))
        if not path:
            continue
        changed = copy.deepcopy(record)
        parent = functools.reduce(lambda value, key: value[key], path[:-1], changed)
        value = altered(parent[path[-1]], choose)
        if value is not None:
            parent[path[-1]] = value
            return encode(changed), ".".join(map(str, path))
    return None


def mutant(data, items, choose):
    """An altered ledger, and what was altered."""
    if choose.random() < 0.3:
        place = choose.randrange(8 * len(data))
        return data[: place // 8] + bytes([data[place // 8] ^ 1 << place % 8]) + data[place // 8 + 1 :], f"bit {place}"
    versions = [index for index, (kind, _) in enumerate(items) if kind == VERSION]
    index = choose.choice(versions)
    body, path = altered_record(items[index][1], choose)
    changed = list(items)
    changed[index] = (VERSION, body)
    return file_of(changed), f"item {index}, {path}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("genesis")
    parser.add_argument("ledger")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write")
    parser.add_argument("--written", type=int, default=20)
    arguments = parser.parse_args()
    with open(arguments.genesis, "rb") as file:
        genesis = read_genesis(file.read())
    with open(arguments.ledger, "rb") as file:
        data = file.read()
    verify(genesis, data)
    items, choose, accepted = items_of(data), random.Random(arguments.seed), []
    assert items[0][0] == NETWORK and file_of(items) == data
    for number in range(arguments.count):
        changed, what = mutant(data, items, choose)
        try:
            verify(genesis, changed)
            accepted.append(what)
        except Refused:
            pass
        if arguments.write and number < arguments.written:
            with open(os.path.join(arguments.write, f"mutant-{number}"), "wb") as file:
                file.write(changed)
    for what in accepted:
        print(f"accepted: {what}")
    print(f"{arguments.count - len(accepted)} of {arguments.count} mutants refused")
    return 1 if accepted else 0


if __name__ == "__main__":
    sys.exit(main())
