"""The averaging of a manifest and the replay of a ledger, written from Docs/averaging.md, Docs/codec.md and
Docs/revert.md. Everything before the outer step is integer arithmetic; the outer step is float32.
"""

import json
import math
import os
import struct

import payload_decoder
from canonical_cbor import Refused
from ledger_chain import need, profile, weights_q30
from ledger_records import ONE_Q30, ZERO, is_shared, merkle_root, zero_root

BLOCK_PARAMETERS = 262_144


def float32(value):
    """The float32 nearest to a number, ties to even: of an integer exactly, of a float64 by one more rounding."""
    if isinstance(value, int) and abs(value) >= 1 << 53:
        shift = abs(value).bit_length() - 24
        low, rest = divmod(abs(value), 1 << shift)
        half = 1 << (shift - 1)
        low += rest > half or (rest == half and low & 1)
        value = math.copysign(low * 2.0**shift, value)
    return struct.unpack("<f", struct.pack("<f", value))[0]


class Entry:
    """A contribution of a manifest, decoded: (index, level, unit) of each parameter that is not zero."""

    def __init__(self, body, payload, tensors):
        kind, bits, kept = profile(body["encoding"])
        try:
            self.pairs, _ = payload_decoder.decode_pairs(payload, tensors, kind, bits, kept, norm=body["norm"])
        except payload_decoder.Refusal as refusal:
            raise Refused(f"a payload is refused: {refusal}") from None
        self.dense = kind in payload_decoder.DENSE_BYTES
        self.values = [level * unit for level, unit in self.pairs]


def median(numbers):
    """The lower median: the element at (n - 1) / 2 in ascending order."""
    return sorted(numbers)[(len(numbers) - 1) // 2]


def clip_factors(norms):
    middle = median(norms)
    return [ONE_Q30 if norm <= middle else (middle << 30) // norm for norm in norms]


def shared_weights(entries, weights):
    """Entries that are near copies of each other, directly or through others, share the largest weight among them."""
    squares = [sum(value * value for value in entry.values) for entry in entries]
    group = list(range(len(entries)))
    for second in range(len(entries)):
        for first in range(second):
            product = sum(a * b for a, b in zip(entries[first].values, entries[second].values))
            if product > 0 and (10 * product) ** 2 > 9 * squares[first] * 9 * squares[second]:
                kept, merged = sorted((group[first], group[second]))
                group = [kept if root == merged else root for root in group]
    shared = []
    for root, weight in zip(group, weights):
        members = [weights[index] for index, other in enumerate(group) if other == root]
        shared.append(weight * max(members) // sum(members) if sum(members) else 0)
    return shared


def integer_root(number):
    return math.isqrt(max(0, number))


def shifted_weights(entries, weights, factors, faulty):
    """The weights under clip-nnm-gm: nearest-neighbour mixing, then a geometric median by eight Weiszfeld steps."""
    count = len(entries)
    rows = range(count)
    exact = [[sum(a * b for a, b in zip(entries[i].values, entries[j].values)) for j in rows] for i in rows]
    shift = max(0, max(exact[i][i] for i in rows).bit_length() - 60)
    products = [[(exact[i][j] >> shift) * factors[i] * factors[j] >> 60 for j in rows] for i in rows]

    near = []
    for i in rows:
        distances = [max(0, products[i][i] + products[j][j] - 2 * products[i][j]) for j in rows]
        near.append(sorted(rows, key=lambda j: (distances[j], (j - i) % count))[: max(1, count - faulty)])
    mixed = [[sum(products[a][b] for a in near[i] for b in near[j]) for j in rows] for i in rows]
    shift = max(0, max(mixed[i][i] for i in rows).bit_length() - 40)
    mixed = [[number >> shift for number in row] for row in mixed]

    shares = [ONE_Q30 // count] * count
    for _ in range(8):
        with_mean = [sum(number * share for number, share in zip(row, shares)) >> 30 for row in mixed]
        mean_square = sum(number * share for number, share in zip(with_mean, shares)) >> 30
        distances = [integer_root(mixed[i][i] - 2 * with_mean[i] + mean_square) for i in rows]
        least = max(1, max(distances) // 1024)
        inverse = [(1 << 40) // max(distance, least) for distance in distances]
        shares = [(number << 30) // max(1, sum(inverse)) for number in inverse]

    result = [0] * count
    for share, members in zip(shares, near):
        for member in members:
            result[member] += share // len(members)
    shifted = [weight * share for weight, share in zip(weights, result)]
    total = sum(shifted)
    if total == 0:
        return weights
    shift = max(0, total.bit_length() - 64)
    return [
        min(weight, (number >> shift) * sum(weights) // max(1, total >> shift)) for number, weight in zip(shifted, weights)
    ]


CHUNK_PARAMETERS = 4096
ROOT_HALF = float32(math.sqrt(0.5))


def hadamard(values):
    """The Walsh-Hadamard transform of up to 4096 float32, in parts of a power of two, the largest that fits first."""
    result = []
    while len(result) < len(values):
        length = 1 << (len(values) - len(result)).bit_length() - 1
        part = values[len(result) : len(result) + length]
        width = 1
        while width < length:
            for start in range(0, length, 2 * width):
                for left in range(start, start + width):
                    one, other = part[left], part[left + width]
                    part[left], part[left + width] = float32(one + other), float32(one - other)
            width *= 2
        stages = length.bit_length() - 1
        scale = 2.0 ** -(stages // 2) * (ROOT_HALF if stages % 2 else 1)
        result += [float32(value * scale) for value in part]
    return result


def sine(angle):
    """Taylor's series up to the nineteenth power, by Horner's rule, in float64."""
    square = angle * angle
    total = 0.0
    for k in reversed(range(10)):
        total = total * square + 1 / ((-1) ** k * math.factorial(2 * k + 1))
    return total * angle


def shared_rate(rules, steps_before):
    """The learning rate of a version's step under a shared optimizer, as a float32."""
    peak, warmup, horizon = (rules[key] for key in ("inner_learning_rate_nano", "warmup_steps", "schedule_steps"))
    step = steps_before + rules["inner_steps"] - 1
    if step < warmup:
        rate = peak * float(step + 1) / warmup
    elif step < horizon:
        progress = (step - warmup) / (horizon - warmup)
        half = 0.5 * (1 - sine((progress - 0.5) * math.pi))
        rate = peak * (0.1 + (1 - 0.1) * half)
    else:
        rate = peak * 0.1
    return float32(float32(math.floor(rate + 0.5)) / 1e9)


def shared_step(parameters, outer, sums, rules, tensors, matrices):
    """One step of AdamW that all nodes take: the next parameters, and the next second moments with the number of steps."""
    rate = shared_rate(rules, int(outer[-1]))
    decay, share, small, weight_decay = (float32(value) for value in (0.98, 0.02, 1e-8, 0.1))
    direction, start, decays = [], 0, []
    for count, is_matrix in zip(tensors, matrices):
        for first in range(start, start + count, CHUNK_PARAMETERS):
            chunk = sums[first : min(first + CHUNK_PARAMETERS, start + count)]
            direction += hadamard([float32(total) * 2.0**-40 for total in chunk])
        decays += [float32(1 - float32(rate * weight_decay)) if is_matrix else 1.0] * count
        start += count
    following, moments = [], []
    for value, second, change, keep in zip(parameters, outer, direction, decays):
        square = float32(change * change)
        second = square if second == 0 else float32(float32(decay * second) + float32(share * square))
        root = float32(float32(math.sqrt(second)) + small)
        moments.append(second)
        following.append(float32(float32(keep * value) - float32(rate * float32(change / root))))
    return following, moments + [float(min(int(outer[-1]) + rules["inner_steps"], 1 << 24))]


def average(state, entries, weights, rules, tensors, matrices, members):
    """The next state: the base plus the outer rate times the average of the entries, or the step of a shared optimizer.

    Each coordinate is divided by the number of its senders, and by more than the members that may fail at least.
    """
    if not entries:
        return state
    parameters, outer = state
    least = (members - 1) // 3 + 1
    divisor = max(least, len(entries)) if all(entry.dense for entry in entries) else least
    bounds = [0]
    for count in tensors:
        bounds.append(bounds[-1] + count)
    spans = [slice(start, end) for start, end in zip(bounds, bounds[1:])]

    def norm(values):
        return math.isqrt(sum(value * value for value in values))

    whole = clip_factors([norm(entry.values) for entry in entries])
    shared = shared_weights(entries, weights)
    if rules["averaging"] == "clip-nnm-gm":
        shared = shifted_weights(entries, shared, whole, least - 1)
    sums = [0] * len(parameters)
    senders = [0] * len(parameters)
    for span in spans:
        factors = clip_factors([norm(entry.values[span]) for entry in entries])
        for place, entry in enumerate(entries):
            multiplier = (shared[place] * min(whole[place], factors[place]) >> 30) // divisor
            for index in range(span.start, span.stop):
                level, unit = entry.pairs[index]
                senders[index] += entry.dense or level != 0
                if entry.dense:
                    product = abs(level) * multiplier
                    sums[index] += int(math.copysign(1, level)) * ((product + (1 << 29)) >> 30)
                elif level:
                    sums[index] += level * ((unit * multiplier + (1 << 29)) >> 30)
    for index, count in enumerate(senders):
        if count > divisor:  # rounded toward zero
            sums[index] = int(math.copysign(1, sums[index])) * (abs(sums[index]) * divisor // count)
    if is_shared(rules):
        return shared_step(parameters, outer, sums, rules, tensors, matrices)
    rate = rules["outer_learning_rate_q16"] / 65536
    return [
        float32(base + float32(rate * (float32(total) * 2.0**-40))) for base, total in zip(parameters, sums)
    ], outer


def root_of(parameters):
    size = BLOCK_PARAMETERS
    return merkle_root(
        [
            struct.pack(f"<{len(block)}f", *block)
            for block in (parameters[start : start + size] for start in range(0, len(parameters), size))
        ]
    )


def roots_of(state):
    parameters, outer = state
    return {"parameters": root_of(parameters), "outer": root_of(outer) if outer else ZERO}


def read_tensors(path, tensors, prefix=""):
    """The values of these tensors, in their order, and the metadata of the file."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    values = []
    for tensor in tensors:
        entry = header[prefix + tensor["name"]]
        need(entry["dtype"] == "F32" and entry["shape"] == tensor["shape"], "a tensor differs from the genesis")
        start, end = entry["data_offsets"]
        values += struct.unpack(f"<{(end - start) // 4}f", data[8 + length + start : 8 + length + end])
    return values, header.get("__metadata__", {})


class Replay:
    """Recomputes the state of every version, from version 0 on: the parameters, and the values of a shared optimizer."""

    def __init__(self, genesis, parameters, outer=None):
        self.tensors = [math.prod(tensor["shape"]) for tensor in genesis["tensors"]]
        need(len(parameters) == sum(self.tensors), "version 0 has another number of parameters than the genesis")
        self.matrices = [len(tensor["shape"]) > 1 for tensor in genesis["tensors"]]
        shared = is_shared(genesis["rules"])
        start = (parameters, outer or ([0.0] * (len(parameters) + 1) if shared else []))
        need(roots_of(start) == genesis["roots"], "version 0 is not the one that the genesis names")
        self.states = [start]  # by height
        self.versions = [None]  # by height: (certified, entries by contribution)

    @staticmethod
    def load(genesis, path):
        """Version 0 from a safetensors file of float32; of a fork that goes on with its origin's optimizer also the state beside it."""
        parameters, _ = read_tensors(path, genesis["tensors"])
        outer = None
        if genesis["roots"]["outer"] not in (ZERO, zero_root(len(parameters) + 1)):
            state = os.path.join(os.path.dirname(path), "optimizer", "state.safetensors")
            outer, metadata = read_tensors(state, genesis["tensors"], "exp_avg_sq.")
            outer.append(float(int(metadata["mesh.optimizer_steps"])))
        return Replay(genesis, parameters, outer)

    def before(self, chain, certified):
        """What the chain knows before the version: its rules, the number of its members, and for a switch from where the
        replay begins.
        """
        ready = [record["body"] for record in certified["embedded"]["ready"]]
        first = chain.replay_from if chain.roots_to_switch(ready) else None
        return chain.rules, chain.members.count, first

    def apply(self, before, chain, certified, payloads):
        rules, members, first = before
        bodies = [contribution["body"] for contribution in certified["contributions"]]
        need(all(payload is not None for payload in payloads), "a payload is missing")
        entries = [Entry(body, payload, self.tensors) for body, payload in zip(bodies, payloads)]
        weights = [entry["weight_q30"] for entry in chain.head["manifest"]]
        self.versions.append((bodies, entries))
        if first is None:
            state = average(self.states[-1], entries, weights, rules, self.tensors, self.matrices, members)
        else:
            state = self.repeated(chain, first)
        need(roots_of(state) == chain.head["roots"], "the contributions give other parameters")
        self.states.append(state)

    def repeated(self, chain, first):
        """The state before the head without what the reverts exclude, from version `first` on."""
        state = self.states[first - 1]
        for height in range(first, chain.height):
            bodies, entries = self.versions[height]
            kept = [place for place, body in enumerate(bodies) if not chain.excludes(body, height)]
            rules = chain.rules_at(height)
            weights = weights_q30(rules, [bodies[place] for place in kept], height - 1)
            left = [entries[place] for place in kept]
            state = average(
                state, left, weights, rules, self.tensors, self.matrices, chain.member_count_at(height)
            )
        return state
