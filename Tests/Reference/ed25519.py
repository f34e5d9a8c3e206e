"""Ed25519 verification as the mesh requires it (Docs/crypto.md, "Signatures"): RFC 8032 without the cofactor; the key
and R must be canonical points of the prime-order subgroup; S must be reduced. Slow, and written for clarity.
"""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
IDENTITY = (0, 1, 1, 0)


def _add(left, right):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = left, right
    a = (y1 - x1) * (y2 - x2) % P
    b = (y1 + x1) * (y2 + x2) % P
    c = 2 * t1 * t2 * D % P
    d = 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(scalar, point):
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _equal(left, right):
    (x1, y1, z1, _), (x2, y2, z2, _) = left, right
    return (x1 * z2 - x2 * z1) % P == 0 and (y1 * z2 - y2 * z1) % P == 0


def _decompress(data):
    """The point with this canonical encoding, or None."""
    if len(data) != 32:
        return None
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0 or (x == 0 and sign == 1):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = _decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
_valid_points = {}


def valid_point(data):
    """The point, if `data` is a canonical point of the prime-order subgroup other than the identity; else None."""
    if data not in _valid_points:
        point = _decompress(data)
        usable = point is not None and not _equal(point, IDENTITY) and _equal(_multiply(L, point), IDENTITY)
        _valid_points[data] = point if usable else None
    return _valid_points[data]


def verifies(signature, key, message):
    """Whether the 64-byte signature is by the 32-byte key over the message."""
    point = valid_point(key)
    r = valid_point(signature[:32]) if len(signature) == 64 else None
    s = int.from_bytes(signature[32:], "little")
    if point is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return _equal(_multiply(s, BASE), _add(r, _multiply(h, point)))
