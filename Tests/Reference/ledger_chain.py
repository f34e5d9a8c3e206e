"""The state of a chain and the rules by which the next version is judged (Docs/verification.md, "The algorithm")."""

import math

import payload_decoder
from canonical_cbor import Refused, encode
from ledger_records import (
    ONE_Q30,
    ZERO,
    MEMBER_SET,
    bitmap_bits,
    blake2b,
    digest,
    is_signed,
    is_shared,
    rules_fault,
    slot_order,
)

SEQUENCE_STEP = 1 << 20
PIECES_MAXIMUM = 1 << 18


def need(condition, reason):
    if not condition:
        raise Refused(reason)


class MemberSet:
    """The members that decide a height, by ascending id."""

    def __init__(self, record):
        self.record = record
        self.members = record["members"]
        self.by_id = {member["id"]: member for member in self.members}
        self.digest = digest("members", record)
        self.count = len(self.members)
        self.fault_bound = (self.count - 1) // 3
        self.quorum = 2 * self.count // 3 + 1
        self.commitment_threshold = (self.count + self.fault_bound) // 2 + 1

    def index(self, identity):
        return next((index for index, member in enumerate(self.members) if member["id"] == identity), None)

    def is_quorum(self, signatures, tag, statement, network):
        """Whether at least a quorum signed the statement, and every signature is valid."""
        bits = bitmap_bits(signatures["bitmap"])
        if len(signatures["bitmap"]) != (self.count + 7) // 8 or len(bits) < self.quorum or bits[-1] >= self.count:
            return False
        return all(
            is_signed(
                tag,
                statement,
                signatures["signatures"][64 * place : 64 * place + 64],
                self.members[index]["node_key"],
                network,
            )
            for place, index in enumerate(bits)
        )

    def signed_by_member(self, tag, signed, network):
        member = self.by_id.get(signed["signer"])
        return member is not None and is_signed(tag, signed["body"], signed["signature"], member["node_key"], network)

    def signed_by_operator(self, tag, statement, signature, network):
        member = self.by_id.get(signature["signer"])
        return (
            member is not None
            and member["key_epoch"] == signature["key_epoch"]
            and is_signed(tag, statement, signature["signature"], member["operator_key"], network)
        )


class Base:
    """A version that contributions may name; members and rules are those of its height + 1."""

    def __init__(self, version_digest, height, members, rules):
        self.digest, self.height, self.members, self.rules = version_digest, height, members, rules


class Chain:
    """The chain after some version. `apply` judges the next certified version and makes it the head."""

    def __init__(self, genesis):
        self.network = digest("genesis", genesis)
        self.tensors = genesis["tensors"]
        self.rules = genesis["rules"]
        self.members = MemberSet(genesis["members"])
        self.head = {
            "network": self.network,
            "height": 0,
            "parent": genesis["origin"]["version"] if genesis["origin"] else ZERO,
            "manifest": [],
            "action": None,
            "rules": digest("rules", self.rules),
            "members": self.members.digest,
            "support": digest("support", {"ready": [], "closings": [], "action": None}),
            "roots": genesis["roots"],
        }
        self.head_digest = digest("version", self.head)
        self.bases = [Base(self.head_digest, 0, self.members, self.rules)]
        self.listed = {}  # (author, base) -> contribution digest
        self.reviews = {}  # (author, base) -> {reviewer: statement}
        self.sequences = {}  # subject -> last sequence number
        self.reverts = []  # {"exclusion", "from", "decided", "switched"}
        self.past_rules = []  # (rules, the last height at which they decided)
        self.past_members = []  # (number of members, the last height that they decided)

    @property
    def height(self):
        return self.head["height"]

    def base(self, version_digest):
        return next((base for base in self.bases if base.digest == version_digest), None)

    def has_slot(self, slot):
        """Whether there is such a slot: of a member of its base's set, on a base that may still be named."""
        base = self.base(slot["base"])
        return base is not None and slot["author"] in base.members.by_id

    def rules_at(self, height):
        return next((rules for rules, through in self.past_rules if height <= through), self.rules)

    def member_count_at(self, height):
        return next((count for count, through in self.past_members if height <= through), self.members.count)

    # One version

    def apply(self, certified):
        embedded, certificate = certified["embedded"], certified["certificate"]
        version, support = embedded["payload"]["version"], embedded["payload"]["support"]
        ready = [record["body"] for record in embedded["ready"]]
        contributions = certified["contributions"]
        need(version["network"] == self.network, "the version is of another network")
        need(version["height"] == self.height + 1, "the version has another height")
        need(version["parent"] == self.head_digest, "the version has another parent")
        need(version["support"] == digest("support", support), "the version names another support")
        need(len(embedded["ready"]) == len(support["ready"]), "the number of ready records is not the support's")
        need(len(embedded["availability"]) == len(version["manifest"]), "availability certificates are missing")
        need(len(contributions) == len(version["manifest"]), "contribution records are missing")
        action = embedded["action"]
        expected = blake2b("action-obj", encode(action)) if action else None
        need(support["action"] == expected, "the support names another action")
        self.check_ready(support, embedded["ready"])
        switch_roots = self.roots_to_switch(ready)
        if switch_roots:
            members, rules = self.outcome(None, version, switch_roots)
            need(not version["manifest"], "a version that switches to a replay lists contributions")
            need(version["roots"] == switch_roots, "the roots are not those of the replay")
        else:
            need(version["action"] == self.action_to_carry(ready), "another action is due")
            members, rules = self.outcome(action, version, None)
            if action:
                self.check_action(action, members)
            self.check_manifest(version, ready, embedded["availability"])
        need(
            is_shared(self.rules) == (version["roots"]["outer"] != ZERO),
            "the version has a state of the optimizer without a shared optimizer, or none with it",
        )
        self.check_commitments(version, support, embedded["closings"])
        self.check_contributions(version, contributions)
        vote = certificate["vote"]
        need(
            vote["kind"] == "finalize"
            and vote["height"] == version["height"]
            and vote["version"] == digest("version", version)
            and certificate["network"] == self.network
            and self.members.is_quorum(certificate["signatures"], "vote", vote, self.network),
            "the version is not certified",
        )
        self.advance(version, ready, action["signed"]["action"] if action else None, switch_roots, members, rules)

    def advance(self, version, ready, action, switch_roots, members, rules):
        reviews = self.reviews_with(ready)
        if action:
            change = action["change"]
            self.sequences[subject(change)] = action["sequence"]
            if change["kind"] == "revert":
                self.reverts.append(
                    {
                        "exclusion": change["exclusion"],
                        "from": change["from"],
                        "decided": version["height"],
                        "switched": None,
                    }
                )
            if change["kind"] == "rules":
                self.past_rules.append((self.rules, version["height"]))
        if switch_roots:
            for revert in self.reverts:
                revert["switched"] = revert["switched"] or version["height"]
        self.head, self.head_digest = version, digest("version", version)
        if members.count != self.members.count:
            self.past_members.append((self.members.count, version["height"]))
        self.members, self.rules = members, rules
        base = Base(self.head_digest, version["height"], members, rules)
        # A replayed state replaces what earlier contributions were trained on.
        self.bases = [base] if switch_roots else (self.bases + [base])[-(rules["max_staleness"] + 1) :]
        for entry in version["manifest"]:
            self.listed[slot_order(entry["slot"])] = entry["contribution"]
        kept = {base.digest for base in self.bases}
        self.listed = {slot: value for slot, value in self.listed.items() if slot[1] in kept}
        self.reviews = {slot: value for slot, value in reviews.items() if slot[1] in kept}

    # Ready records and reviews

    def check_ready(self, support, records):
        need(len(records) == self.members.quorum, "the number of ready records is not a quorum")
        signers = set()
        for name, record in zip(support["ready"], records):
            body = record["body"]
            need(blake2b("ready-obj", encode(record)) == name, "a ready record is not the one that the support names")
            need(
                body["height"] == self.height + 1
                and body["parent"] == self.head_digest
                and self.members.signed_by_member("ready", record, self.network),
                "a ready record is not a member's for this height and parent",
            )
            need(record["signer"] not in signers, "two ready records have the same signer")
            signers.add(record["signer"])
            for slot in body["slots"]:
                need(self.has_slot(slot), "a ready record names a slot that does not exist")
            for review in body["reviews"]:
                need(
                    self.has_slot(review["statement"]["slot"])
                    and self.members.signed_by_operator(
                        "review", review["statement"], review["signature"], self.network
                    ),
                    "a ready record carries an invalid review",
                )

    def reviews_with(self, ready):
        """Verdicts by slot and reviewer: those of the chain, then those of the ready records; the first one counts."""
        reviews = {slot: dict(verdicts) for slot, verdicts in self.reviews.items()}
        embedded = [review for record in ready for review in record["reviews"]]
        embedded.sort(
            key=lambda review: (
                slot_order(review["statement"]["slot"]),
                review["signature"]["signer"],
                encode(review),
            )
        )
        for review in embedded:
            slot = slot_order(review["statement"]["slot"])
            reviews.setdefault(slot, {}).setdefault(review["signature"]["signer"], review["statement"])
        return reviews

    def is_held_back(self, contribution, slot, verdicts):
        def reviewers(verdict):
            return [
                reviewer
                for reviewer, statement in verdicts.items()
                if statement["verdict"] == verdict and statement["contribution"] == contribution
            ]

        if self.rules["review"] == "veto-window":
            return len(reviewers("veto")) >= max(2, self.members.fault_bound + 1)
        if self.rules["review"] == "approve":
            return sum(reviewer != slot[0] for reviewer in reviewers("approve")) < self.rules["approvals"]
        return False

    def is_exempt(self, slot, verdicts):
        named = {statement["contribution"] for statement in verdicts.values()}
        held = [self.is_held_back(contribution, slot, verdicts) for contribution in named]
        if self.rules["review"] == "veto-window":
            return any(held)
        if self.rules["review"] == "approve":
            return all(held)
        return False

    # The manifest

    def slots_to_list(self, ready):
        counts = {}
        for record in ready:
            for slot in record["slots"]:
                counts[slot_order(slot)] = counts.get(slot_order(slot), 0) + 1
        reviews = self.reviews_with(ready)
        newest = {}
        for slot, count in counts.items():
            base = self.base(slot[1])
            if (
                count > self.members.fault_bound
                and base
                and slot not in self.listed
                and base.rules["encoding"] == self.rules["encoding"]
                and slot[0] in base.members.by_id
                and slot[0] in self.members.by_id
                and not self.is_exempt(slot, reviews.get(slot, {}))
                and (slot[0] not in newest or base.height > newest[slot[0]][1])
            ):
                newest[slot[0]] = (slot, base.height)
        if len(newest) < self.rules["min_contributions"]:
            return []
        return sorted(slot for slot, _ in newest.values())

    def check_manifest(self, version, ready, availability):
        slots = [slot_order(entry["slot"]) for entry in version["manifest"]]
        need(slots == self.slots_to_list(ready), "the manifest does not list what the ready records name")
        reviews = self.reviews_with(ready)
        for entry, certificate in zip(version["manifest"], availability):
            stored, slot = certificate["stored"], slot_order(entry["slot"])
            base = self.base(slot[1])
            need(
                digest("available", certificate) == entry["availability"]
                and stored["slot"] == entry["slot"]
                and stored["contribution"] == entry["contribution"]
                and stored["base_height"] == entry["base_height"] == base.height,
                "an availability certificate is not of its manifest entry",
            )
            need(
                base.members.is_quorum(certificate["signatures"], "stored", stored, self.network),
                "an availability certificate has no quorum",
            )
            holders = [base.members.members[index]["id"] for index in bitmap_bits(certificate["signatures"]["bitmap"])]
            need(
                sum(holder in self.members.by_id for holder in holders) > self.members.fault_bound,
                "too few holders of a contribution are members",
            )
            need(
                not self.is_held_back(entry["contribution"], slot, reviews.get(slot, {})),
                "a contribution is listed that reviews keep out",
            )
        if not version["manifest"]:
            need(version["roots"] == self.head["roots"], "a version that lists nothing changes the roots")

    def check_commitments(self, version, support, closings):
        need(len(closings) == len(support["closings"]), "the number of closings is not the support's")
        named, parents = {slot_order(entry["slot"]): 0 for entry in version["manifest"]}, set()
        for name, closing in zip(support["closings"], closings):
            statements = closing["statements"]
            names = [blake2b("closed-obj", encode(statement)) for statement in statements]
            need(digest("closing", {"statements": names}) == name, "a closing is not the one that the support names")
            need(statements and statements[0]["body"]["parent"] not in parents, "two closings have the same parent")
            parent = statements[0]["body"]["parent"]
            parents.add(parent)
            listed = [entry for entry in version["manifest"] if entry["slot"]["base"] == parent]
            base = self.base(parent)
            need(base and len(statements) <= min(2 * len(base.members.by_id), 1800), "a closing has too many statements")
            by_signer = {}
            for statement in statements:
                body = statement["body"]
                need(
                    base
                    and body["parent"] == parent
                    and body["height"] == base.height + 1
                    and all(commitment["author"] in base.members.by_id for commitment in body["commitments"])
                    and base.members.signed_by_member("closed", statement, self.network),
                    "a closed statement is not a member's about this round",
                )
                seen = {commitment["author"]: commitment["contribution"] for commitment in body["commitments"]}
                committed = [entry for entry in listed if seen.get(entry["slot"]["author"]) == entry["contribution"]]
                need(committed, "a closed statement names no listed contribution")
                by_signer.setdefault(statement["signer"], []).append({slot_order(entry["slot"]) for entry in committed})
            for sets in by_signer.values():
                for index, slots in enumerate(sets):
                    others = set().union(*(sets[:index] + sets[index + 1 :]))
                    need(slots - others, "a member's statement names nothing that its others do not")
                for slot in set().union(*sets):
                    named[slot] += 1
        for slot, count in named.items():
            need(count >= self.base(slot[1]).members.commitment_threshold, "a listed contribution is not committed")

    def check_contributions(self, version, contributions):
        bodies = [contribution["body"] for contribution in contributions]
        weights = weights_q30(self.rules, bodies, self.height)
        for entry, contribution, weight in zip(version["manifest"], contributions, weights):
            body = contribution["body"]
            base = self.base(body["base"])
            need(entry["weight_q30"] == weight, "a weight is not what the rules give")
            need(
                digest("contrib", body) == entry["contribution"]
                and body["author"] == entry["slot"]["author"]
                and body["base"] == entry["slot"]["base"],
                "a contribution record is not the one that is listed",
            )
            pieces = (body["payload_bytes"] + body["piece_bytes"] - 1) // body["piece_bytes"]
            need(
                body["network"] == self.network
                and body["encoding"] == base.rules["encoding"]
                and body["payload_bytes"] <= self.payload_bytes_maximum(base.rules)
                and body["piece_bytes"] == base.rules["piece_bytes"]
                and pieces <= PIECES_MAXIMUM
                and body["base_height"] == base.height
                and not self.forbids(body),
                "a contribution is outside the rules of its base",
            )
            need(
                contribution["signer"] == body["author"]
                and base.members.signed_by_member("contrib", contribution, self.network),
                "a contribution is not signed by its author",
            )

    def payload_bytes_maximum(self, rules):
        """The largest payload of a contribution: what the rules allow, and what the codec can produce (Docs/codec.md)."""
        tensors = [math.prod(tensor["shape"]) for tensor in self.tensors]
        return min(rules["contribution_bytes_maximum"], payload_decoder.largest(tensors, *profile(rules["encoding"])))

    # Actions

    def outcome(self, complete, version, switch_roots):
        """Members and rules after the version; checks the action's effect and what the version says of it."""
        members, rules = self.members, self.rules
        if switch_roots:
            action = {
                "change": {
                    "kind": "switch",
                    "exclusions": blake2b(
                        "exclusions", encode([[revert["exclusion"], revert["from"]] for revert in self.reverts])
                    ),
                    "parent": self.head_digest,
                    "roots": switch_roots,
                },
                "sequence": version["height"],
                "first": version["height"],
                "last": version["height"],
                "comment": "",
            }
            need(complete is None, "a version that switches to a replay carries another action")
            need(version["action"] == digest("action", action), "the version does not name the switch")
        else:
            action = complete["signed"]["action"] if complete else None
            need(version["action"] == (digest("action", action) if action else None), "the action is missing")
            if action:
                members, rules = self.effect(action)
        need(version["rules"] == digest("rules", rules), "the version names other rules")
        need(version["members"] == members.digest, "the version names another member set")
        return members, rules

    def effect(self, action):
        height, change = self.height + 1, action["change"]
        need(action["first"] <= height <= action["last"], "the action is outside its window of heights")
        last = self.sequences.get(subject(change))
        need(last is None or action["sequence"] > last, "the action's sequence number was used")
        need(action["sequence"] - (last or 0) <= SEQUENCE_STEP, "the action's sequence number is too far ahead")
        record, rules = self.members.record, self.rules
        kind = change["kind"]
        if kind == "admit":
            member = change["member"]
            need(member["id"] not in self.members.by_id, "the admitted site is a member")
            need(all(tomb["id"] != member["id"] for tomb in record["tombstones"]), "the site was a member before")
            record = self.changed(record["members"] + [member], record["tombstones"])
        elif kind == "remove":
            member = self.members.by_id.get(change["member"])
            need(member is not None and self.members.count > 1, "the site cannot be removed")
            tombstone = {
                "id": member["id"],
                "last_key_epoch": member["key_epoch"],
                "last_sequence": action["sequence"],
            }
            rest = [other for other in record["members"] if other["id"] != member["id"]]
            record = self.changed(rest, record["tombstones"] + [tombstone])
        elif kind == "rotate":
            member = change["member"]
            current = self.members.by_id.get(member["id"])
            need(
                current is not None
                and member["key_epoch"] == current["key_epoch"] + 1
                and member["name"] == current["name"]
                and member["node_key"] != current["node_key"],
                "the rotation does not follow from the member's present keys",
            )
            others = [other if other["id"] != member["id"] else member for other in record["members"]]
            record = self.changed(others, record["tombstones"])
        elif kind == "rules":
            need(is_shared(rules) == is_shared(change["rules"]), "the optimizer changes to one of another kind")
            rules = change["rules"]
            need(rules != self.rules, "the action changes no rule")
        elif kind == "revert":
            self.check_revert(change)
        else:
            raise Refused("a switch cannot be proposed")
        members = MemberSet(record)
        if kind != "revert":
            fault = rules_fault(rules, members.count)
            need(fault is None, f"the rules are refused: {fault}")
        return members, rules

    def changed(self, members, tombstones):
        record = {
            "members": sorted(members, key=lambda member: member["id"]),
            "tombstones": sorted(tombstones, key=lambda tombstone: tombstone["id"]),
        }
        MEMBER_SET(record, "the new member set")
        return record

    def check_revert(self, change):
        # How far back a revert may reach follows from the retention rules (Docs/revert.md); not checked here.
        need(1 <= change["from"] <= self.height, "the revert begins at no version of this chain")
        need(
            all(
                revert["exclusion"] != change["exclusion"] or revert["from"] > change["from"]
                for revert in self.reverts
            ),
            "the exclusion holds already",
        )

    def check_action(self, complete, members):
        signed, action = complete["signed"], complete["signed"]["action"]
        change = action["change"]
        for signature in signed["operators"]:
            need(
                self.members.signed_by_operator("action", action, signature, self.network),
                "an operator's signature is not valid",
            )
        threshold = self.rules["operator_threshold_numerator"], self.rules["operator_threshold_denominator"]
        needed = self.members.count * threshold[0] // threshold[1] + 1
        need(len(signed["operators"]) >= needed, "too few operators signed the action")
        if change["kind"] in ("admit", "rotate"):
            owner = change["member"]
            need(
                signed["possession"] is not None
                and is_signed("action", action, signed["possession"], owner["node_key"], self.network),
                "the new node key did not sign the action",
            )
            if change["kind"] == "rotate":
                need(
                    any(signature["signer"] == owner["id"] for signature in signed["operators"]),
                    "the member's own operator did not sign its rotation",
                )
        else:
            need(signed["possession"] is None, "a proof of possession for no new key")
        if change["kind"] not in ("admit", "remove", "rotate"):
            need(complete["readiness"] is None, "readiness for no new member set")
            return
        readiness = {"action": digest("action", action), "members": members.digest}
        need(
            complete["readiness"] is not None
            and members.is_quorum(complete["readiness"], "readiness", readiness, self.network),
            "no quorum of the new member set is ready",
        )
        if change["kind"] == "admit":
            need(
                members.index(change["member"]["id"]) in bitmap_bits(complete["readiness"]["bitmap"]),
                "the admitted site is not ready",
            )

    def action_to_carry(self, ready):
        counts = {}
        for record in ready:
            for action in record["actions"]:
                counts[action] = counts.get(action, 0) + 1
        return min((action for action, count in counts.items() if count > self.members.fault_bound), default=None)

    # Reverts

    @property
    def replay_from(self):
        """The first version that a pending replay makes again, or None."""
        pending = [revert["from"] for revert in self.reverts if revert["switched"] is None]
        if not pending:
            return None
        first = min(pending)
        while True:
            earlier = [
                revert["from"]
                for revert in self.reverts
                if revert["from"] < first and (revert["switched"] or first) >= first
            ]
            if not earlier:
                return first
            first = min(earlier)

    def roots_to_switch(self, ready):
        if all(revert["switched"] is not None for revert in self.reverts) or not ready:
            return None
        roots = ready[0]["replayed"]
        return roots if roots and all(record["replayed"] == roots for record in ready) else None

    def excludes(self, contribution, height):
        """Whether a replay of the version at `height` leaves the contribution out."""
        for revert in self.reverts:
            exclusion = revert["exclusion"]
            if revert["from"] > height:
                continue
            if exclusion["kind"] == "contribution":
                if exclusion["contribution"] == digest("contrib", contribution):
                    return True
            elif exclusion["data_set"] in contribution["data_sets"]:
                if exclusion["binds_future"] or contribution["base_height"] < revert["decided"]:
                    return True
        return False

    def forbids(self, contribution):
        return any(
            revert["exclusion"] == {"kind": "data-set", "data_set": data_set, "binds_future": True}
            and revert["decided"] <= contribution["base_height"]
            for revert in self.reverts
            for data_set in contribution["data_sets"]
        )


def subject(change):
    """What sequence numbers are counted by."""
    if change["kind"] in ("admit", "rotate"):
        return change["member"]["id"]
    if change["kind"] == "remove":
        return change["member"]
    return "rules" if change["kind"] == "rules" else "history"


def profile(encoding):
    """Kind, bits and kept as the payload's decoder takes them."""
    if encoding["profile"] == "dense":
        return payload_decoder.FLOAT32 if encoding["bits"] == 32 else payload_decoder.BFLOAT16, 0, 0
    kind = payload_decoder.GAPS if encoding["kept"] < 512 else payload_decoder.BITMAP
    return kind, encoding["bits"], encoding["kept"]


def weights_q30(rules, contributions, parent_height):
    """The weights of the contributions of one manifest, averaged on the version at `parent_height`."""
    count = len(contributions)
    tokens = sum(contribution["tokens"] for contribution in contributions)
    weights = []
    for contribution in contributions:
        share = ONE_Q30
        if rules["weights"] == "tokens":
            share = contribution["tokens"] * count * ONE_Q30 // tokens if tokens else 0
        weight = min(share, rules["node_weight_maximum_q30"] * count)
        for _ in range(min(parent_height - min(parent_height, contribution["base_height"]), 64)):
            weight = weight * rules["staleness_discount_q30"] >> 30
        weights.append(weight)
    return weights
