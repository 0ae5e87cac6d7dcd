"""Acquires and releases one lock with python-dynamodb-lock, and prints how long each time took, in ms, as JSON.

Arguments: the table, and how often. The table is created where it is missing. AWS is where the environment says.
"""
import json
import os
import sys
import time

import boto3
from python_dynamodb_lock.python_dynamodb_lock import DynamoDBLockClient

table, times = sys.argv[1], int(sys.argv[2])
client = boto3.client("dynamodb")
if table not in client.list_tables()["TableNames"]:
    DynamoDBLockClient.create_dynamodb_table(client, table_name=table)
if times:
    locks = DynamoDBLockClient(boto3.resource("dynamodb"), table_name=table)
    took = []
    for _ in range(times):
        begun = time.monotonic()
        locks.acquire_lock("shop").release()
        took.append((time.monotonic() - begun) * 1000)
    print(json.dumps(took), flush=True)
    # Closing it waits for its heartbeat thread, which sleeps for seconds.
    os._exit(0)
