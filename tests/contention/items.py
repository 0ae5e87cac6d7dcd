"""Prints the items of a lock table as one JSON object, by LockID. Argument: a backend's address."""
import json
import sqlite3
import sys


def embedded(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        return [json.loads(item) for (item,) in database.execute("SELECT item FROM locks")]


def cloud(bucket):
    import boto3

    table = boto3.resource("dynamodb").Table(f"{bucket.removesuffix('-state')}-locks")
    page = table.scan(ConsistentRead=True)
    items = page["Items"]
    while "LastEvaluatedKey" in page:
        page = table.scan(ConsistentRead=True, ExclusiveStartKey=page["LastEvaluatedKey"])
        items += page["Items"]
    return items


scheme, _, rest = sys.argv[1].partition(":")
found = embedded(rest) if scheme == "local" else cloud(rest.removeprefix("//"))
print(json.dumps({item["LockID"]: item for item in found}, default=int))
