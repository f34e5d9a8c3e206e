#!/usr/bin/env python3
"""Compares the ids of `meshtrain tokens` with those of an exported tokenizer.json, read by Hugging Face `tokenizers`.

Usage: meshtrain tokens --data DIR | check-tokenizer.py MODEL/tokenizer.json
Needs the package `tokenizers` from PyPI. Exits with 1 at the first difference, or where there was nothing to compare.
"""
import json
import sys

from tokenizers import Tokenizer


def main() -> int:
    tokenizer = Tokenizer.from_file(sys.argv[1])
    documents = tokens = 0
    for line in sys.stdin:
        document = json.loads(line)
        ids = tokenizer.encode(document["text"]).ids
        if ids != document["ids"]:
            at = next((i for i, (a, b) in enumerate(zip(ids, document["ids"])) if a != b), min(len(ids), len(document["ids"])))
            print(f"{document['path']}: differs at token {at}", file=sys.stderr)
            return 1
        text = tokenizer.decode(ids[1:])
        if text != document["text"].replace("\u2581", " "):
            print(f"{document['path']}: does not come back", file=sys.stderr)
            return 1
        documents += 1
        tokens += len(ids)
    print(f"{documents} documents, {tokens} tokens: alike")
    return 0 if documents else 1


if __name__ == "__main__":
    sys.exit(main())
