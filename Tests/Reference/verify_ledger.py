#!/usr/bin/env python3
"""Verifies an exported ledger from its genesis file alone, written from Docs/records.md, Docs/verification.md and
Docs/averaging.md: an implementation of the checks that shares no code with the mesh.

    python3 verify_ledger.py GENESIS LEDGER [--model FILE]

With --model (version 0 as a safetensors file of float32) it recomputes the parameters of every version too. Prints the
height and the head's digest. Exit status 0 only if every check passed; 1 with a reason otherwise.
"""

import argparse
import struct
import sys

from canonical_cbor import Refused, decode
from ledger_chain import Chain, need
from ledger_records import CERTIFIED_VERSION, GENESIS_FILE, digest, is_signed, merkle_root

NETWORK, VERSION, PAYLOAD, ABSENT, END = 1, 2, 3, 4, 5


def read_genesis(data):
    """The genesis, if every founder's operator key signed it."""
    file = decode(data)
    GENESIS_FILE(file, "genesis file")
    genesis = file["genesis"]
    network = digest("genesis", genesis)
    founders = {member["id"]: member for member in genesis["members"]["members"]}
    for signature in file["signatures"]:
        founder = founders.pop(signature["signer"], None)
        need(
            founder
            and signature["network"] == network
            and is_signed("genesis", genesis, signature["signature"], founder["operator_key"], network),
            "a founder's signature is not valid",
        )
    need(not founders, "the genesis is not signed by every founder")
    return genesis


class Items:
    """The items of a ledger file, in order."""

    def __init__(self, data):
        need(data[:16] == b"meshlgr\n" + struct.pack("<II", 1, 0), "the file is not a ledger of version 1")
        self.data, self.position = data, 16

    def next(self, *kinds):
        need(len(self.data) - self.position >= 16, "the file ends before its end item")
        kind, zeros, length = struct.unpack_from("<B7sQ", self.data, self.position)
        need(zeros == bytes(7) and kind in kinds, "an item has an unexpected kind")
        self.position += 16
        need(length <= len(self.data) - self.position, "the file ends inside an item")
        body = self.data[self.position : self.position + length]
        self.position += length
        return kind, body

    def finish(self):
        need(self.position == len(self.data), "bytes follow the end item")


def read_payload(items, entry, contribution):
    """The payload of a manifest entry, or None if the exporter no longer kept it."""
    kind, body = items.next(PAYLOAD, ABSENT)
    if kind == ABSENT:
        need(body == entry["contribution"], "the place of a payload names another contribution")
        return None
    need(len(body) == contribution["payload_bytes"], "a payload has another length than its record says")
    size = contribution["piece_bytes"]
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    need(merkle_root(pieces) == contribution["piece_root"], "the pieces of a payload do not have the signed root")
    return body


def verify(genesis, ledger, replay=None):
    """The chain at the end of the ledger. `replay`, if given, recomputes the parameters of every version."""
    chain = Chain(genesis)
    items = Items(ledger)
    need(items.next(NETWORK)[1] == chain.network, "the ledger is of another network")
    while True:
        kind, body = items.next(VERSION, END)
        if kind == END:
            need(body == struct.pack("<Q", chain.height) + chain.head_digest, "the end item names another head")
            items.finish()
            return chain
        certified = decode(body)
        CERTIFIED_VERSION(certified, "version")
        height = certified["embedded"]["payload"]["version"]["height"]
        try:
            before = replay.before(chain, certified) if replay else None
            chain.apply(certified)
            payloads = [
                read_payload(items, entry, contribution["body"])
                for entry, contribution in zip(
                    chain.head["manifest"], certified["contributions"]
                )
            ]
            if replay:
                replay.apply(before, chain, certified, payloads)
        except Refused as error:
            raise Refused(f"version {height}: {error}") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("genesis")
    parser.add_argument("ledger")
    parser.add_argument("--model")
    arguments = parser.parse_args()
    try:
        with open(arguments.genesis, "rb") as file:
            genesis = read_genesis(file.read())
        replay = None
        if arguments.model:
            from averaging import Replay

            replay = Replay.load(genesis, arguments.model)
        with open(arguments.ledger, "rb") as file:
            chain = verify(genesis, file.read(), replay)
    except Refused as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"cannot read {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"height {chain.height}")
    print(f"head {chain.head_digest.hex()}")
    print(f"parameters {chain.head['roots']['parameters'].hex()}" + (" recomputed" if replay else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
