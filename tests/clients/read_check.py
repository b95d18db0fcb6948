"""Reads one check with Python's official client, and prints what its models made of it: URL, token."""

import sys

from azure.devops.connection import Connection
from msrest.authentication import BasicAuthentication

url, token = sys.argv[1:]
connection = Connection(base_url=url, creds=BasicAuthentication("", token))
client = connection.clients_v7_1.get_pipelines_checks_client()
one = client.get_check_configuration("FabrikamFiber", 1, expand="settings")
print(one.id, one.timeout, one.type.name, one.resource.type, one.resource.name)
listed = client.get_check_configurations_on_resource("FabrikamFiber", "environment", one.resource.id)
print(len(listed))
