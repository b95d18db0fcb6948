"""Each mistake, planted into a copy of infra/, is found; infra/ itself has none."""

import shutil
import tempfile
import unittest
from pathlib import Path

import validate

ROOT = Path(__file__).resolve().parents[2]

# The file, what is replaced, by what, and what must be said.
MISTAKES = {
    "a misspelt member in Bicep": ("main.bicep", "alwaysReady:", "alwaysReddy:", "alwaysReddy is unknown"),
    "a misspelt member in Terraform": ("terraform/app.tf", "functionAppConfig =", "functionAppConfg =", "functionAppConfg is unknown"),
    "a value that Azure does not know": ("main.bicep", "type: 'blobContainer'", "type: 'blobContainr'", "Azure knows blobContainer"),
    "a text instead of a number": ("terraform/app.tf", "instanceMemoryMB     = 512", 'instanceMemoryMB     = "512"', "Azure expects int"),
    "a name that Bicep does not declare": ("main.bicep", "serverFarmId: hostingPlan.id", "serverFarmId: hostingPlann.id", "`hostingPlann` is used"),
    "a name that Terraform does not declare": ("terraform/app.tf", "azapi_resource.hosting_plan.id", "azapi_resource.plan.id", "`azapi_resource.plan` is used"),
    "a parameter that nobody uses": ("main.bicep", "value: allowedPlanUrls", "value: 'https://dev.azure.com/'", "`allowedPlanUrls` is declared and not used"),
    "a resource in one language only": ("terraform/main.tf", 'resource "azapi_resource" "vault_role"', 'resource "azapi_resource" "vault_rule"', "vault_role is in bicep only"),
    "another version of an API": ("terraform/app.tf", "Microsoft.Web/sites@2024-04-01", "Microsoft.Web/sites@2023-12-01", "app is Microsoft.Web/sites"),
    "another value in one language": ("terraform/main.tf", "softDeleteRetentionInDays = 90", "softDeleteRetentionInDays = 7", "is `7` in terraform only"),
    "another role": ("terraform/main.tf", "4633458b-17de", "4633458c-17de", "the role 4633458"),
    "shared keys": ("main.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", "accepts shared keys"),
    "the package's setting gets lost": ("main.bicep", "name: 'WEBSITE_RUN_FROM_PACKAGE'\n", "name: 'WEBSITE_RUN_FROM'\n", "without WEBSITE_RUN_FROM_PACKAGE"),
    "a setting that Flex refuses": ("main.bicep", "{ name: 'ManagedIdentityClientId'", "{ name: 'FUNCTIONS_WORKER_RUNTIME'", "breaks an app on Flex"),
    "a connection string": ("terraform/app.tf", 'name = "ManagedIdentityClientId"', 'name = "AzureWebJobsStorage"', "connection string beside the identity"),
    "another queue": ("terraform/main.tf", '"check-evaluations-poison"', '"poison"', "function.json names check-evaluations"),
    "an alert that cannot fire": ("alerts.json", "'token_refused'", "'token_rejected'", "never reports token_rejected"),
    "an event without an alert": ("alerts.json", ", 'token_refused'", "", "no alert looks for token_refused"),
}


class Infrastructure(unittest.TestCase):
    def test_it_has_no_problems(self):
        self.assertEqual(list(validate.problems(ROOT / "infra", ROOT)), [])

    def test_each_planted_mistake_is_found(self):
        for mistake, (name, old, new, says) in MISTAKES.items():
            with self.subTest(mistake), tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "infra"
                shutil.copytree(ROOT / "infra", copy, ignore=shutil.ignore_patterns("validate"))
                text = (copy / name).read_text()
                self.assertIn(old, text, "the mistake cannot be planted")
                (copy / name).write_text(text.replace(old, new, 1))
                found = "\n".join(validate.problems(copy, ROOT))
                self.assertIn(says, found)

    def test_a_setting_that_the_page_does_not_name_is_found(self):
        page = (ROOT / "docs/settings.md").read_text()
        for name in ("AllowedPlanUrls", "AllowInlineChecks", "ChecksFile", "LogLevel", "ManagedIdentityClientId", "__clientId"):
            found = list(validate.undocumented(page.replace(f"{name}`", "`"), ROOT))
            self.assertEqual(found, [f"docs/settings.md does not name {name}"])

    def test_a_syntax_error_is_found(self):
        for name in ("main.bicep", "terraform/app.tf"):
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "infra"
                shutil.copytree(ROOT / "infra", copy, ignore=shutil.ignore_patterns("validate"))
                (copy / name).write_text((copy / name).read_text() + "\n}\n")
                with self.assertRaises(Exception):
                    list(validate.problems(copy, ROOT))


if __name__ == "__main__":
    unittest.main()
