"""What Azure Resource Manager accepts for each type of resource, as the management packages of Azure's SDK know it.

A schema is a `dict` of member name to `Member`. Two styles of models exist: older ones have an `_attribute_map` with
flattened keys, newer ones have a descriptor with the API's name for each member.
"""

import importlib
import re
from dataclasses import dataclass, field


@dataclass
class Member:
    """One member: the types of a literal, and the models of what is below it."""

    literals: set = field(default_factory=set)
    models: list = field(default_factory=list)
    below: dict = field(default_factory=dict)
    choices: set = field(default_factory=set)
    is_map: bool = False


# The model of the body of each type that the templates use.
MODELS = {
    "Microsoft.Authorization/roleAssignments": ("authorization", "RoleAssignmentCreateParameters"),
    "Microsoft.Insights/actionGroups": ("monitor", "ActionGroupResource"),
    "Microsoft.Insights/components": ("applicationinsights", "ApplicationInsightsComponent"),
    "Microsoft.Insights/scheduledQueryRules": ("monitor", "ScheduledQueryRuleResource"),
    "Microsoft.Insights/workbooks": ("applicationinsights", "Workbook"),
    "Microsoft.KeyVault/vaults": ("keyvault", "VaultCreateOrUpdateParameters"),
    "Microsoft.KeyVault/vaults/secrets": ("keyvault", "SecretCreateOrUpdateParameters"),
    "Microsoft.ManagedIdentity/userAssignedIdentities": ("msi", "Identity"),
    "Microsoft.OperationalInsights/workspaces": ("loganalytics", "Workspace"),
    "Microsoft.Storage/storageAccounts": ("storage", "StorageAccountCreateParameters"),
    "Microsoft.Storage/storageAccounts/blobServices": ("storage", "BlobServiceProperties"),
    "Microsoft.Storage/storageAccounts/blobServices/containers": ("storage", "BlobContainer"),
    "Microsoft.Storage/storageAccounts/queueServices": ("storage", "QueueServiceProperties"),
    "Microsoft.Storage/storageAccounts/queueServices/queues": ("storage", "StorageQueue"),
    "Microsoft.Web/serverfarms": ("web", "AppServicePlan"),
    "Microsoft.Web/sites": ("web", "Site"),
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": ("web", "CsmPublishingCredentialsPoliciesEntity"),
}

LITERALS = {"str": str, "bool": bool, "int": int, "float": float}


def model_of(kind):
    """The model of a type's body; `None` for a type that nobody has listed."""
    if kind not in MODELS:
        return None
    package, name = MODELS[kind]
    return getattr(importlib.import_module(f"azure.mgmt.{package}.models"), name)


def members(model):
    """The schema of a model."""
    return older(model) if hasattr(model, "_attribute_map") else newer(model)


def newer(model):
    found = {}
    namespace = importlib.import_module(model.__module__.rsplit(".", 1)[0])
    for base in model.__mro__:
        for name, annotation in getattr(base, "__annotations__", {}).items():
            descriptor = base.__dict__.get(name)
            if hasattr(descriptor, "_rest_name_input"):
                found.setdefault(descriptor._rest_name_input or name, member(str(annotation), namespace))
    return found


def member(annotation, namespace):
    is_map = bool(re.search(r"[Dd]ict\[", annotation))
    result = Member(is_map=is_map)
    for name in re.findall(r"_models\.(\w+)", annotation):
        result.models.append(getattr(namespace, name))
    for name in re.findall(r"(?:\.|\[|'|\s)(\w+)'?\)?", annotation):
        chosen = getattr(namespace, name, None)
        if isinstance(chosen, type) and hasattr(chosen, "__members__"):
            result.choices |= {choice.value for choice in chosen}
    result.literals = {kind for name, kind in LITERALS.items() if re.search(rf"\b{name}\b", annotation)}
    return result


def older(model):
    found = {}
    namespace = importlib.import_module(model.__module__.rsplit(".", 1)[0])
    for entry in model._attribute_map.values():
        path = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", entry["key"])]
        place = found
        for part in path[:-1]:
            place = place.setdefault(part, Member()).below
        leaf = place.setdefault(path[-1], Member())
        kind = entry["type"]
        leaf.is_map = kind.startswith("{")
        name = kind.strip("[]{}")
        if name in LITERALS:
            leaf.literals = {LITERALS[name]}
        elif hasattr(namespace, name):
            leaf.models.append(getattr(namespace, name))
    return found
