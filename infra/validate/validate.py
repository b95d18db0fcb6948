"""Checks infra/ without Azure: main.bicep and terraform/ are well formed, use names that Azure knows, and make the same.

It does not replace `az deployment group what-if` and `terraform plan`: it knows no regions, quotas and rights.
"""

import json
import re
import sys
from pathlib import Path

import schema
import templates

# Flex Consumption ignores these app settings, or the app fails with them.
NOT_ON_FLEX = re.compile(
    r"FUNCTIONS_(WORKER|EXTENSION|MAX)|WEBSITE_(RUN_FROM|CONTENT|MOUNT|DNS|VNET|MAX|TIME)|SCM_|ENABLE_ORYX|TZ$|AzureWebJobsDashboard"
)


def problems(infra: Path, root: Path):
    """Everything that is wrong, as sentences."""
    bicep = templates.bicep(infra / "main.bicep")
    terraform = templates.terraform(infra / "terraform")
    for language, template in (("bicep", bicep), ("terraform", terraform)):
        for label, (kind, body) in template.resources.items():
            yield from unknown_names(f"{language}: {label}", kind, body)
        yield from broken_rules(language, template, root)
    yield from templates.undeclared(infra / "terraform")
    yield from templates.undeclared_in_bicep(infra / "main.bicep")
    yield from differences(bicep, terraform)
    yield from other_roles(infra)
    yield from undocumented((root / "docs/settings.md").read_text(), root)
    yield from wrong_alerts(json.loads((infra / "alerts.json").read_text()), root)


def unknown_names(place, kind, body):
    model = schema.model_of(kind.split("@")[0])
    if model is None:
        yield f"{place}: no model is listed for {kind}"
        return
    yield from walk(place, body, schema.members(model))


def walk(place, value, known):
    if isinstance(value, templates.Choice):
        for one in value:
            yield from walk(place, one, known)
        return
    for name, below in value.items() if isinstance(value, dict) else ():
        here = f"{place}.{name}"
        if name not in known:
            yield f"{here} is unknown; known are {', '.join(sorted(known))}"
        else:
            yield from check(here, below, known[name])


def check(place, value, member):
    if isinstance(value, list):
        for one in value:
            yield from check(place, one, member)
    elif isinstance(value, dict):
        if member.is_map:
            return
        known = dict(member.below)
        for model in member.models:
            known.update(schema.members(model))
        if known:
            yield from walk(place, value, known)
        elif member.literals:
            yield f"{place} is an object, and Azure expects {names(member.literals)}"
    elif value is not None and not isinstance(value, templates.Reference):
        accepted = member.literals | ({str} if member.choices else set())
        if accepted and type(value) not in accepted and not (type(value) is int and float in accepted):
            yield f"{place} is `{value}`, and Azure expects {names(accepted)}"
        elif member.choices and str(value).lower() not in {str(choice).lower() for choice in member.choices}:
            yield f"{place} is `{value}`, and Azure knows {', '.join(sorted(map(str, member.choices)))}"


def names(types):
    return " or ".join(sorted(one.__name__ for one in types))


def leaves(value, path=""):
    """The literals below a value, each with its path."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from leaves(below, f"{path}.{name}")
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one, path)
    elif value is not None and not isinstance(value, templates.Reference):
        yield path, value


def differences(bicep, terraform):
    ours, theirs = dict(bicep.resources), terraform.resources
    for label in templates.IMPLIED:
        ours.pop(label, None)
    for label in sorted(set(ours) ^ set(theirs)):
        yield f"{label} is in {'bicep' if label in ours else 'terraform'} only"
    for label in sorted(set(ours) & set(theirs)):
        (kind, body), (other_kind, other_body) = ours[label], theirs[label]
        if kind != other_kind:
            yield f"{label} is {kind} in bicep and {other_kind} in terraform"
        for path, value in sorted(set(leaves(strip(body))) ^ set(leaves(strip(other_body))), key=str):
            side = "bicep" if (path, value) in set(leaves(body)) else "terraform"
            yield f"{label}{path} is `{value}` in {side} only"


def strip(body):
    """A body without what Terraform writes beside it."""
    return {name: value for name, value in body.items() if name != "identity"} if isinstance(body, dict) else body


def other_roles(infra):
    """Roles are named by their ids."""
    texts = [(infra / "main.bicep").read_text(), "".join(path.read_text() for path in (infra / "terraform").glob("*.tf"))]
    ours, theirs = (set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)) for text in texts)
    yield from (f"the role {role} is in one of bicep and terraform only" for role in sorted(ours ^ theirs))


def settings(template, label):
    """The names of the app settings in a list of the template."""
    return {entry["name"] for entry in template.lists.get(label, []) if isinstance(entry, dict) and "name" in entry}


def broken_rules(language, template, root):
    """What Azure would accept and checkgate could not live with."""
    storage = dict(leaves(template.resources.get("storage", ("", {}))[1]))
    if storage.get(".properties.allowSharedKeyAccess") is not False:
        yield f"{language}: the storage account accepts shared keys"
    common, premium = settings(template, "common_settings"), settings(template, "premium_settings")
    for name in sorted(name for name in common if NOT_ON_FLEX.match(name)):
        yield f"{language}: the app setting {name} breaks an app on Flex Consumption"
    for name in sorted({"AzureWebJobsStorage"} & (common | premium)):
        yield f"{language}: {name} is a connection string beside the identity"
    for name in sorted({"AzureWebJobsStorage__accountName", "AzureWebJobsStorage__credential", "TokenSealingKey"} - common):
        yield f"{language}: the app setting {name} is missing"
    for name in sorted({"WEBSITE_RUN_FROM_PACKAGE", "FUNCTIONS_WORKER_RUNTIME"} - premium):
        yield f"{language}: without {name} a deployment of the template empties an app on Premium"
    trigger = json.loads((root / "ReevaluateFunction/function.json").read_text())["bindings"][0]
    queues = template.lists.get("queues", [])
    if sorted(queues) != [trigger["queueName"], f"{trigger['queueName']}-poison"]:
        yield f"{language}: the queues are {queues}, and function.json names {trigger['queueName']}"


def wrong_alerts(alerts, root):
    """An alert whose events the handler never reports would never fire, and an event without one is never seen."""
    source = (root / "src/events.rs").read_text().split("impl fmt::Display", 1)[0]
    events, wanted = set(re.findall(r'=> "(\w+)"', source)), set()
    for alert in alerts:
        for name in sorted({"name", "title", "description", "severity", "query"} - set(alert)):
            yield f"alerts.json: an alert has no {name}"
        for words in re.findall(r"message has_any \(([^)]*)\)", alert.get("query", "")):
            wanted |= set(re.findall(r"'(\w+)'", words))
    yield from (f"alerts.json: the handler never reports {event}" for event in sorted(wanted - events))
    yield from (f"alerts.json: no alert looks for {event}" for event in sorted(events - wanted))


def undocumented(page, root):
    """The app settings that the code reads and the page does not name."""
    read = set()
    for path in sorted((root / "src").rglob("*.rs")):
        code = path.read_text().split("#[cfg(test)]", 1)[0]
        read |= set(re.findall(r'(?:lookup\(|switch\(lookup, |environment\()"(\w+)"', code))
        if "config" in path.parts:
            read |= set(re.findall(r'const NAME: &str = "(\w+)"', code))
            read |= {f"__{part}" for part in re.findall(r'part\("(\w+)"\)', code)}
    yield from (f"docs/settings.md does not name {name}" for name in sorted(read) if f"{name}`" not in page)


def main():
    root = Path(__file__).resolve().parents[2]
    infra = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "infra"
    found = list(problems(infra, root))
    for problem in found:
        print(problem)
    print(f"{infra}: {len(found)} problems" if found else f"{infra}: no problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
