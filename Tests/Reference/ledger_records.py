"""The records of the ledger, field by field (Docs/records.md, "Records"), and how they are digested and signed.

A record is the dict that `canonical_cbor.decode` returns. `check` refuses a record with a missing, unknown or
out-of-range field; nested records are checked with it.
"""

import hashlib
import math
import re

import ed25519
from canonical_cbor import Refused, encode

ZERO = bytes(32)
ONE_Q30 = 1 << 30


# Digests and signatures


def blake2b(tag, data):
    """BLAKE2b-256 with the domain `mesh/<tag>`."""
    return hashlib.blake2b(data, digest_size=32, person=f"mesh/{tag}".encode().ljust(16, b"\0")).digest()


def digest(tag, record):
    """The digest of a record in the domain of its kind."""
    return blake2b(tag, encode(record))


def is_signed(tag, record, signature, key, network):
    """Whether the key signed the record, as a statement of its kind, for the network."""
    message = f"mesh/1/{tag}".encode().ljust(32, b"\0") + network + encode(record)
    return ed25519.verifies(signature, key, message)


def merkle_root(leaves):
    """The RFC 6962 tree over BLAKE2b-256; `leaves` are the pieces of data in order."""
    level = [blake2b("merkle", b"\0" + leaf) for leaf in leaves]
    if not level:
        return blake2b("merkle", b"")
    while len(level) > 1:
        pairs = [level[index : index + 2] for index in range(0, len(level), 2)]
        level = [blake2b("merkle", b"\1" + pair[0] + pair[1]) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def zero_root(count):
    """The root of so many float32 that are all zero, a leaf a block of 262,144."""
    size = 262_144
    return merkle_root([bytes(4 * min(size, count - start)) for start in range(0, count, size)])


# Field types: each takes a value and the name of its field, and refuses a value outside the type.


def unsigned(low=0, high=2**64 - 1):
    def check(value, name):
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Refused(f"{name} is not an integer from {low} to {high}")

    return check


def raw(low, high):
    def check(value, name):
        if not isinstance(value, bytes) or not low <= len(value) <= high:
            raise Refused(f"{name} is not a byte string of {low} to {high} bytes")

    return check


def text(pattern, limit):
    def check(value, name):
        if not isinstance(value, str) or len(value.encode()) > limit or not re.fullmatch(pattern, value, re.DOTALL):
            raise Refused(f"{name} is not a text of the required form")

    return check


def choice(*values):
    def check(value, name):
        if not isinstance(value, str) or value not in values:
            raise Refused(f"{name} is not one of {', '.join(values)}")

    return check


def boolean(value, name):
    if not isinstance(value, bool):
        raise Refused(f"{name} is not a boolean")


def optional(kind):
    def check(value, name):
        if value is not None:
            kind(value, name)

    return check


def array(kind, limit, ascending=None):
    """`ascending`: a function that gives the key by which the items must ascend strictly."""

    def check(value, name):
        if not isinstance(value, list) or len(value) > limit:
            raise Refused(f"{name} is not an array of at most {limit} items")
        for item in value:
            kind(item, name)
        if ascending:
            keys = [ascending(item) for item in value]
            if any(left >= right for left, right in zip(keys, keys[1:])):
                raise Refused(f"{name} is not in ascending order")

    return check


def record(fields, rule=None):
    """`rule`: a further check of the whole record; returns the reason of a refusal, or None."""

    def check(value, name="record"):
        if not isinstance(value, dict):
            raise Refused(f"{name} is not a record")
        for field, kind in fields.items():
            if field not in value:
                raise Refused(f"{name} has no field {field}")
            kind(value[field], f"{name}.{field}")
        unknown = set(value) - set(fields)
        if unknown:
            raise Refused(f"{name} has an unknown field {min(unknown)}")
        reason = rule(value) if rule else None
        if reason:
            raise Refused(f"{name}: {reason}")

    return check


def variant(kinds):
    """A record whose field `kind` selects the other fields."""

    def check(value, name="record"):
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in kinds:
            raise Refused(f"{name} has an unknown kind")
        kinds[kind]({key: item for key, item in value.items() if key != "kind"}, name)

    return check


HEIGHT = unsigned(0, 1 << 48)
UNSIGNED32 = unsigned(0, 2**32 - 1)
DIGEST = raw(32, 32)
SIGNATURE = raw(64, 64)
MEMBERS_MAXIMUM = 1000
SLOTS_MAXIMUM = 4096
COMMITMENTS_MAXIMUM = 256
CLOSINGS_MAXIMUM = 17
CLOSING_STATEMENTS_MAXIMUM = 1800


def key(value, name):
    """An Ed25519 key that was admitted: a canonical point of the prime-order subgroup."""
    DIGEST(value, name)
    if ed25519.valid_point(value) is None:
        raise Refused(f"{name} is not a valid Ed25519 point")


def link_key(value, name):
    """An X25519 key; the points of small order and encodings above 2^255 - 19 are refused."""
    DIGEST(value, name)
    number = int.from_bytes(value, "little")
    if number in SMALL_ORDER_LINK_KEYS or number >= ed25519.P:
        raise Refused(f"{name} is not a valid X25519 key")


SMALL_ORDER_LINK_KEYS = {
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    ed25519.P - 1,
}


# Records


def member_id(operator_key):
    return blake2b("member", operator_key)


def newcomer(value):
    """A card or an admission: the member's first keys."""
    if value["key_epoch"] != 0 or value["id"] != member_id(value["operator_key"]):
        return "the member's id is not that of its operator key, or its key epoch is not 0"
    return None


MEMBER = record(
    {
        "id": DIGEST,
        "name": text("[a-z0-9-]+", 32),
        "operator_key": key,
        "node_key": key,
        "link_key": link_key,
        "key_epoch": UNSIGNED32,
    }
)


def distinct_members(value):
    for field in ("name", "node_key", "link_key"):
        if len({member[field] for member in value["members"]}) < len(value["members"]):
            return f"two members have the same {field}"
    return None if value["members"] else "the set is empty"


MEMBER_SET = record(
    {
        "members": array(MEMBER, MEMBERS_MAXIMUM, ascending=lambda member: member["id"]),
        "tombstones": array(
            record({"id": DIGEST, "last_key_epoch": UNSIGNED32, "last_sequence": unsigned()}),
            4096,
            ascending=lambda tombstone: tombstone["id"],
        ),
    },
    distinct_members,
)


def encoding(value, name="encoding"):
    record({"bits": UNSIGNED32, "kept": unsigned(1, 4096), "profile": choice("top-k", "dense")})(value, name)
    allowed = (1, 2, 4, 8) if value["profile"] == "top-k" else (16, 32)
    if value["bits"] not in allowed or (value["profile"] == "dense" and value["kept"] != 4096):
        raise Refused(f"{name} has bits or kept values that its profile does not allow")


RULES = record(
    {
        "averaging": choice("clip-dedup-mean", "clip-nnm-gm"),
        "encoding": encoding,
        "outer_learning_rate_q16": unsigned(1, 64 << 16),
        "max_staleness": unsigned(0, 16),
        "staleness_discount_q30": unsigned(0, ONE_Q30),
        "min_contributions": unsigned(1, MEMBERS_MAXIMUM),
        "contribution_bytes_maximum": unsigned(1, 1 << 40),
        "piece_bytes": unsigned(1 << 10, 1 << 20),
        "review": choice("open", "veto-window", "approve"),
        "approvals": unsigned(0, MEMBERS_MAXIMUM),
        "review_seconds": unsigned(0, 7 * 86_400),
        "weights": choice("equal", "tokens"),
        "node_weight_maximum_q30": unsigned(1, ONE_Q30),
        "retention_versions": unsigned(2, 1 << 20),
        "operator_threshold_numerator": unsigned(1, 1000),
        "operator_threshold_denominator": unsigned(1, 1000),
        "inner_steps": unsigned(1, 1 << 20),
        "batch_sequences": unsigned(1, 1 << 16),
        "schedule_steps": unsigned(1, 1 << 30),
        "warmup_steps": unsigned(0, 1 << 30),
        "inner_optimizer": choice("adamw", "muon", "shared-adamw"),
        "inner_learning_rate_nano": unsigned(1, 10**9),
        "muon_learning_rate_nano": unsigned(1, 10**9),
        "error_feedback_q16": unsigned(0, 65_536),
    },
    lambda value: None
    if value["operator_threshold_numerator"] < value["operator_threshold_denominator"]
    else "the operator threshold is not below one",
)

ROOTS = record({"parameters": DIGEST, "outer": DIGEST})


def is_shared(rules):
    """Whether all sites share one optimizer, whose state each version certifies."""
    return rules["inner_optimizer"] == "shared-adamw"


def rules_fault(rules, count):
    """Why a mesh of `count` members may not have these rules, or None."""
    if 2 * rules["operator_threshold_numerator"] < rules["operator_threshold_denominator"]:
        return "half of the operators or fewer could decide"
    if rules["node_weight_maximum_q30"] < (ONE_Q30 + count - 1) // count:
        return "the weight cap is below the fair share"
    if rules["review"] == "approve":
        if not 1 <= rules["approvals"] <= max(1, count - 1) or rules["approvals"] > 64:
            return "the number of approvals is out of range"
    if rules["warmup_steps"] > rules["schedule_steps"]:
        return "the warm-up is longer than the schedule"
    if is_shared(rules) and (rules["encoding"]["profile"] == "dense" or rules["schedule_steps"] > 1 << 24):
        return "a shared optimizer needs a sparse encoding and a schedule that its state can count"
    named = 480 if count <= 200 else 96
    if rules["review"] == "approve":
        named = max(1, min(named, 64 // rules["approvals"]))
    if rules["min_contributions"] > min(count, named):
        return "more contributions are required than members, or than a ready record names"
    return None


def distinct_names(value):
    for field in ("tensors", "attachments"):
        if len({item["name"] for item in value[field]}) < len(value[field]):
            return f"two {field} have the same name"
    if sum(math.prod(tensor["shape"]) for tensor in value["tensors"]) > 1 << 40:
        return "the tensors have more than 2^40 parameters"
    parameters = sum(math.prod(tensor["shape"]) for tensor in value["tensors"])
    shared, outer = is_shared(value["rules"]), value["roots"]["outer"]
    continued = shared and outer != ZERO and value["origin"] and value["origin"]["roots"] == value["roots"]
    if not continued and outer != (zero_root(parameters + 1) if shared else ZERO):
        return "version 0 has a state of the optimizer that is neither empty nor that of a fork's origin"
    return rules_fault(value["rules"], len(value["members"]["members"]))


GENESIS = record(
    {
        "nonce": DIGEST,
        "members": MEMBER_SET,
        "rules": RULES,
        "tensors": array(
            record({"name": text(".*", 256), "shape": array(unsigned(1, 1 << 40), 8)}), 4096
        ),
        "attachments": array(
            record({"name": text(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", 64), "bytes": raw(0, 4 << 20)}), 16
        ),
        "roots": ROOTS,
        "origin": optional(record({"network": DIGEST, "version": DIGEST, "roots": ROOTS})),
    },
    distinct_names,
)

GENESIS_FILE = record(
    {
        "genesis": GENESIS,
        "signatures": array(
            record({"network": DIGEST, "signer": DIGEST, "signature": SIGNATURE}),
            MEMBERS_MAXIMUM,
            ascending=lambda signature: signature["signer"],
        ),
    }
)

SLOT = record({"author": DIGEST, "base": DIGEST})


def slot_order(slot):
    return slot["author"], slot["base"]


CONTRIBUTION = record(
    {
        "network": DIGEST,
        "author": DIGEST,
        "base": DIGEST,
        "base_height": HEIGHT,
        "encoding": encoding,
        "payload_bytes": unsigned(1, 1 << 40),
        "piece_bytes": unsigned(1 << 10, 1 << 20),
        "piece_root": DIGEST,
        "norm": unsigned(),
        "steps": unsigned(high=2**53 - 1),
        "tokens": unsigned(high=2**53 - 1),
        "loss_centinats": optional(unsigned(0, 1_000_000)),
        "data_sets": array(DIGEST, 64, ascending=lambda item: item),
        "trainer": DIGEST,
    }
)

STORED = record({"slot": SLOT, "base_height": HEIGHT, "contribution": DIGEST})

OPERATOR_SIGNATURE = record({"signer": DIGEST, "key_epoch": UNSIGNED32, "signature": SIGNATURE})

REVIEW = record(
    {
        "statement": record({"verdict": choice("veto", "approve"), "slot": SLOT, "contribution": DIGEST}),
        "signature": OPERATOR_SIGNATURE,
    }
)

READY = record(
    {
        "height": HEIGHT,
        "parent": DIGEST,
        "slots": array(SLOT, SLOTS_MAXIMUM, ascending=slot_order),
        "actions": array(DIGEST, 16, ascending=lambda item: item),
        "reviews": array(
            REVIEW,
            64,
            ascending=lambda review: (slot_order(review["statement"]["slot"]), review["signature"]["signer"]),
        ),
        "replayed": optional(ROOTS),
    }
)


def signed(body):
    return record({"body": body, "signature": SIGNATURE, "signer": DIGEST})


def bitmap_bits(bitmap):
    """The indexes of the set bits: bit i of the set is bit i % 8 of byte i // 8, the least significant bit first."""
    return [index for index in range(8 * len(bitmap)) if bitmap[index // 8] >> index % 8 & 1]


def one_signature_per_bit(value):
    if len(value["signatures"]) != 64 * len(bitmap_bits(value["bitmap"])):
        return "the number of signatures is not the number of bits"
    return None


QUORUM = record(
    {"bitmap": raw(0, (MEMBERS_MAXIMUM + 7) // 8), "signatures": raw(0, 64 * MEMBERS_MAXIMUM)}, one_signature_per_bit
)

AVAILABILITY = record({"stored": STORED, "signatures": QUORUM})

VOTE = record(
    {"kind": choice("notarize", "nullify", "finalize"), "height": HEIGHT, "view": unsigned(1, 1 << 24), "version": DIGEST},
    lambda value: None
    if (value["kind"] == "nullify") == (value["version"] == ZERO)
    else "only nullify names no version",
)

VERSION = record(
    {
        "network": DIGEST,
        "height": HEIGHT,
        "parent": DIGEST,
        "manifest": array(
            record(
                {
                    "slot": SLOT,
                    "base_height": HEIGHT,
                    "contribution": DIGEST,
                    "availability": DIGEST,
                    "weight_q30": unsigned(0, ONE_Q30 * SLOTS_MAXIMUM),
                }
            ),
            SLOTS_MAXIMUM,
            ascending=lambda entry: entry["slot"]["author"],
        ),
        "action": optional(DIGEST),
        "rules": DIGEST,
        "members": DIGEST,
        "support": DIGEST,
        "roots": ROOTS,
    }
)

SUPPORT = record(
    {
        "ready": array(DIGEST, MEMBERS_MAXIMUM, ascending=lambda item: item),
        "closings": array(DIGEST, CLOSINGS_MAXIMUM, ascending=lambda item: item),
        "action": optional(DIGEST),
    }
)

CLOSED = record(
    {
        "height": HEIGHT,
        "parent": DIGEST,
        "commitments": array(
            record({"author": DIGEST, "contribution": DIGEST}),
            COMMITMENTS_MAXIMUM,
            ascending=lambda commitment: commitment["author"],
        ),
    }
)

EXCLUSION = variant(
    {
        "contribution": record({"contribution": DIGEST}),
        "data-set": record({"data_set": DIGEST, "binds_future": boolean}),
    }
)

CHANGE = variant(
    {
        "admit": record({"member": MEMBER}, lambda value: newcomer(value["member"])),
        "remove": record({"member": DIGEST}),
        "rotate": record(
            {"member": MEMBER}, lambda value: None if value["member"]["key_epoch"] > 0 else "the key epoch is 0"
        ),
        "rules": record({"rules": RULES}),
        "revert": record({"exclusion": EXCLUSION, "from": HEIGHT}),
        "switch": record({"exclusions": DIGEST, "parent": DIGEST, "roots": ROOTS}),
    }
)

# One line for people, without controls and marks that turn the direction of writing.
COMMENT = text(r"[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]*", 280)

ACTION = record(
    {"change": CHANGE, "sequence": unsigned(), "first": HEIGHT, "last": HEIGHT, "comment": COMMENT},
    lambda value: None if value["first"] <= value["last"] else "the window of heights is empty",
)

COMPLETE_ACTION = record(
    {
        "signed": record(
            {
                "action": ACTION,
                "operators": array(
                    OPERATOR_SIGNATURE, MEMBERS_MAXIMUM, ascending=lambda signature: signature["signer"]
                ),
                "possession": optional(SIGNATURE),
            }
        ),
        "readiness": optional(QUORUM),
    }
)

CERTIFIED_VERSION = record(
    {
        "embedded": record(
            {
                "payload": record({"version": VERSION, "support": SUPPORT}),
                "ready": array(signed(READY), MEMBERS_MAXIMUM),
                "closings": array(
                    record(
                        {
                            "statements": array(
                                signed(CLOSED),
                                CLOSING_STATEMENTS_MAXIMUM,
                                ascending=lambda statement: (
                                    statement["signer"],
                                    blake2b("closed-obj", encode(statement)),
                                ),
                            )
                        }
                    ),
                    CLOSINGS_MAXIMUM,
                ),
                "availability": array(AVAILABILITY, SLOTS_MAXIMUM),
                "action": optional(COMPLETE_ACTION),
            }
        ),
        "certificate": record({"network": DIGEST, "vote": VOTE, "signatures": QUORUM}),
        "contributions": array(signed(CONTRIBUTION), SLOTS_MAXIMUM),
    }
)
