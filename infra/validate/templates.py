"""Reads the Bicep file and the Terraform files into the same shape."""

import re
from dataclasses import dataclass
from pathlib import Path

import hcl2
from pycep import BicepParser

# Bicep names them as resources of their own, Terraform inside the id of the parent. They always exist.
IMPLIED = {"blob_service", "queue_service"}


class Reference(str):
    """An expression that is known only when the template is deployed."""


@dataclass
class Template:
    """What a template makes: for each resource its type with the API's version, and its body."""

    resources: dict
    lists: dict


def snake(name):
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


# Bicep


def bicep(path: Path) -> Template:
    """Reads main.bicep. pycep writes names and literals alike, so a text that is a declared name counts as one."""
    parsed = BicepParser().parse(file_path=path)
    variables = {name: entry["value"] for name, entry in parsed["variables"].items()}
    names = set(variables) | set(parsed["parameters"]) | set(parsed["resources"])
    resources = {}
    for name, resource in parsed["resources"].items():
        config = resource["config"]
        local = set(names)
        while "config" in config and ("loop_type" in config or "condition" in config):
            if config.get("loop_type"):
                local.add(config["loop_type"]["detail"]["item_name"])
            config = config["config"]
        body = {key: value for key, value in config.items() if key not in OUTSIDE}
        kind = f"{resource['type']}@{resource['api_version']}"
        resources[snake(name)] = (kind, plain(body, variables, local))
    return Template(resources, {snake(name): value for name, value in variables.items() if isinstance(value, list)})


OUTSIDE = {"name", "parent", "scope", "dependsOn", "depends_on", "location", "tags"}


def plain(value, variables, names):
    """Literals, dicts and lists; `Choice` for what depends on a condition; `Reference` for the rest."""
    if isinstance(value, dict):
        if isinstance(value.get("operator"), dict):
            operator = value["operator"]
            if operator["type"] == "conditional":
                operands = operator["operands"]
                return Choice([plain(operands[key], variables, names) for key in ("true_value", "false_value")])
            # `a == b ? c : d` is parsed as `a == (b ? c : d)`.
            second = operator["operands"].get("operand_2")
            if isinstance(second, dict) and second.get("operator", {}).get("type") == "conditional":
                return plain(second, variables, names)
            return Reference(operator["type"])
        if isinstance(value.get("function"), dict):
            function = value["function"]
            if function["type"] == "concat":
                return Choice([plain(part, variables, names) for part in function["parameters"].values()])
            return Reference(function["type"])
        if "loop_type" in value:
            inside = names | {value["loop_type"]["detail"]["item_name"]}
            return [plain(value["config"], variables, inside)]
        return {key: plain(member, variables, names) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member, variables, names) for member in value]
    if isinstance(value, str):
        if value in variables and isinstance(variables[value], (dict, list)):
            return plain(variables[value], variables, names)
        if value in names or "${" in value:
            return Reference(value)
    return value


class Choice(list):
    """Several values of which one, or all together, are used."""


# Terraform


def terraform(folder: Path) -> Template:
    """Reads all files of a folder. What is behind `local.` is looked up, at any depth."""
    blocks = [hcl2.loads(path.read_text()) for path in sorted(folder.glob("*.tf"))]
    places = {}
    for block in blocks:
        for locals_ in block.get("locals", []):
            places.update({name: value for name, value in locals_.items() if name != "__is_block__"})
    resources = {}
    for block in blocks:
        for entry in block.get("resource", []):
            for label, config in (pair for of_type in entry.values() if isinstance(of_type, dict) for pair in of_type.items()):
                body = expand(config.get("body", {}), places)
                body = [dict(one) for one in body] if isinstance(body, Choice) else body
                secret = expand(config.get("sensitive_body", {}), places)
                merged = Choice(body) if isinstance(body, list) else {**body, **secret}
                resources[label.strip('"')] = (config["type"].strip('"'), merged)
    return Template(resources, {name: expand(value, places) for name, value in places.items() if isinstance(value, list)})


def expand(value, places):
    if isinstance(value, dict):
        return {key.strip('"'): expand(member, places) for key, member in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [expand(member, places) for member in value]
    if isinstance(value, str):
        if value.startswith('"') and value.endswith('"') and "${" not in value:
            return value[1:-1]
        named = [places[name] for name in re.findall(r"\blocal\.(\w+)", value) if name in places]
        below = [entry for entry in named if isinstance(entry, (dict, list))]
        if not below:
            if re.search(r"[{]\s*\"?\w+\"?\s*[=:]", value) and not value.startswith("${[for"):
                raise SystemExit(f"error: the members of `{value}` cannot be checked: name the object in `locals`")
            return Reference(value)
        chosen = []
        for entry in below:
            # `local.site_of[var.plan]`: one of its members.
            by_plan = isinstance(entry, dict) and {key.strip('"') for key in entry} == {"Flex", "Premium"}
            chosen += [expand(one, places) for one in (entry.values() if by_plan else [entry])]
        return chosen[0] if len(chosen) == 1 else Choice(chosen)
    return value


def undeclared(folder: Path):
    """Names that a Terraform file uses and no file declares, and variables that nobody uses."""
    text = "\n".join(re.sub(r"(?m)^\s*#.*$", "", path.read_text()) for path in sorted(folder.glob("*.tf")))
    declared = {f"var.{name}" for name in re.findall(r'(?m)^variable "(\w+)"', text)}
    inside = re.findall(r"(?ms)^locals \{\n(.*?)^\}", text)
    declared |= {f"local.{name}" for block in inside for name in re.findall(r"(?m)^  (\w+)\s*=", block)}
    declared |= {f"{kind}.{name}" for kind, name in re.findall(r'(?m)^resource "(\w+)" "(\w+)"', text)}
    declared |= {f"data.{kind}.{name}" for kind, name in re.findall(r'(?m)^data "(\w+)" "(\w+)"', text)}
    used = set(re.findall(r"\b(?:var|local|(?<!data\.)azapi_\w+|data\.\w+)\.\w+", text))
    used = {name for name in used if not name.startswith("azapi_client_config")}
    yield from (f"terraform: `{name}` is used and not declared" for name in sorted(used - declared))
    unused = {name for name in declared - used if name.startswith(("var.", "local."))}
    yield from (f"terraform: `{name}` is declared and not used" for name in sorted(unused))


def undeclared_in_bicep(path: Path):
    """Names before a dot or in brackets that main.bicep does not declare, and parameters that it does not use."""
    text = re.sub(r"(?m)//.*$", "", path.read_text())
    declared = set(re.findall(r"(?m)^(?:param|var|resource) (\w+)", text))
    known = declared | set(re.findall(r"\[for (\w+) in", text))
    holes = re.findall(r"\$\{([^}]*)\}", text)
    outside = re.sub(r"'(?:[^'\\]|\\.)*'", "''", text)
    used = set(re.findall(r"(?<![\w.'])([a-z]\w*)(?=\.\w)", "\n".join([outside, *holes])))
    used |= set(re.findall(r"(?m)(?::|=|\(|,|\?|in) ([a-z]\w*)(?=\s*[,)?\n\]}]| [:?]| ==)", outside))
    used -= {"true", "false", "null", "string", "int", "object", "bool"}
    yield from (f"bicep: `{name}` is used and not declared" for name in sorted(used - known))
    words = re.findall(r"\w+", re.sub(r"(?m)^(param|var) (\w+)", "", outside) + " ".join(holes))
    names = set(re.findall(r"(?m)^(?:param|var) (\w+)", text))
    yield from (f"bicep: `{name}` is declared and not used" for name in sorted(names - set(words)))
