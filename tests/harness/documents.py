"""Reads and writes what the product stores, with the provider's own tools: boto3 for s3://, sqlite3 for local:."""

import json
import sqlite3
import sys
from decimal import Decimal

class Bucket:
    def __init__(self, name):
        import boto3

        self.name = name
        self.s3 = boto3.client("s3")
        self.locks = boto3.resource("dynamodb").Table(name.removesuffix("-state") + "-locks")

    def get(self, key):
        try:
            return self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None

    def put(self, key, content):
        self.s3.put_object(Bucket=self.name, Key=key, Body=content)

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def lock(self, key):
        return self.locks.get_item(Key={"LockID": key}, ConsistentRead=True).get("Item")

    def put_lock(self, item):
        self.locks.put_item(Item=item)


class File:
    def __init__(self, path):
        self.file = sqlite3.connect(path, timeout=30, isolation_level=None)

    def get(self, key):
        row = self.file.execute("SELECT content FROM objects WHERE key = ?", [key]).fetchone()
        return row and row[0]

    def put(self, key, content):
        self.file.execute(
            "INSERT OR REPLACE INTO objects (key, etag, modified, content)"
            " VALUES (?, lower(hex(randomblob(16))), unixepoch() * 1000, ?)",
            [key, content],
        )

    def keys(self, prefix):
        return [key for (key,) in self.file.execute("SELECT key FROM objects ORDER BY key") if key.startswith(prefix)]

    def lock(self, key):
        row = self.file.execute("SELECT item FROM locks WHERE lock_id = ?", [key]).fetchone()
        return row and json.loads(row[0])

    def put_lock(self, item):
        self.file.execute(
            "INSERT OR REPLACE INTO locks VALUES (?, ?, ?)", [item["LockID"], item.get("TenantID"), json.dumps(item)]
        )


def main(address, verb, *rest):
    scheme, place = address.split(":", 1)
    store = Bucket(place.removeprefix("//")) if scheme == "s3" else File(place)
    if verb == "put":
        return store.put(rest[0], sys.stdin.buffer.read())
    if verb == "put-lock":
        return store.put_lock(json.load(sys.stdin))
    if verb == "keys":
        return print("\n".join(store.keys(*rest)))
    if verb == "lock":
        plain = lambda value: int(value) if isinstance(value, Decimal) else str(value)
        return print(json.dumps(store.lock(rest[0]), default=plain))
    content = store.get(rest[0])
    if content is None:
        sys.exit(f"there is no {rest[0]}")
    if verb == "holds":
        return print(sys.stdin.buffer.read() in content)
    sys.stdout.buffer.write(content)


main(*sys.argv[1:])
