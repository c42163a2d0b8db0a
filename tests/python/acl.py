"""Adds an access rule, and returns when the broker holds it."""

import time

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "cluster": ResourceType.BROKER}


def main(_, bootstrap, permission, principal, operation, kind, name):
    rule = (
        KINDS[kind], name, ResourcePatternType.LITERAL, principal, "*", AclOperation[operation],
        AclPermissionType[permission],
    )
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for result in admin.create_acls([AclBinding(*rule)]).values():
        result.result(30)
    deadline = time.monotonic() + 30
    while not admin.describe_acls(AclBindingFilter(*rule)).result(30):
        if time.monotonic() > deadline:
            raise SystemExit(f"the broker does not hold {rule}")
        time.sleep(0.01)
    return []
