//! The reference of the app settings: docs/settings.md has its table from here.

/// An app setting of checkgate's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What counts where it is absent, in Markdown.
    pub default: &'static str,
    /// What it does, in Markdown, with links as docs/settings.md has them.
    pub meaning: &'static str,
}

/// All of them, in the order of the page.
pub const SETTINGS: [Setting; 12] = [
    Setting {
        name: "TokenSealingKey",
        default: "required",
        meaning: "32 random bytes in base64, as `checkgate keygen` prints them. It seals the tokens of waiting checks. In Azure, the key of `local.settings.json` is refused",
    },
    Setting {
        name: "TokenSealingKeyPrevious",
        default: "none",
        meaning: "the former key during a [rotation](security.md#rotating-the-sealing-key). It opens, and no longer seals",
    },
    Setting {
        name: "AllowedPlanUrls",
        default: "required in Azure; on your machine `https://dev.azure.com/,https://*.visualstudio.com/`",
        meaning: "where decisions may be sent: URL prefixes with commas between them, such as `https://dev.azure.com/fabrikam/`. In Azure, a value that admits every organisation is a mistake",
    },
    Setting {
        name: "ChecksFile",
        default: "`checks.yaml`",
        meaning: "the file with the checks, below the folder of `host.json`",
    },
    Setting {
        name: "AllowInlineChecks",
        default: "`true` on your machine, `false` in Azure",
        meaning: "whether the body of a delivery may bring a definition: `true`, `1`, `false` or `0`",
    },
    Setting {
        name: "AzureDevOpsApiVersion",
        default: "`7.1`",
        meaning: "the version of the REST API. `7.0` for Azure DevOps Server 2022",
    },
    Setting {
        name: "ExtraRootCertificates",
        default: "none",
        meaning: "a PEM file with certificate authorities to trust besides the public ones",
    },
    Setting {
        name: "ManagedIdentityClientId",
        default: "the system-assigned identity",
        meaning: "the client id of the user-assigned identity that reads Azure sources, and decides with `DecideWithManagedIdentity`",
    },
    Setting {
        name: "DecideWithManagedIdentity",
        default: "`false`",
        meaning: "whether the app's managed identity may read facts and send decisions where a check's own token cannot any more. Then `timeout` may be up to `720h`. See [security.md](security.md#the-managed-identity-as-a-member-of-the-organisation)",
    },
    Setting {
        name: "DecisionRecords",
        default: "none",
        meaning: "a container to which [records of decisions](checks-as-code.md#records-in-a-container) are appended besides the log, such as `https://account.blob.core.windows.net/decisions`. The managed identity of the storage account's settings opens it, or a shared access signature behind it: then use a Key Vault reference",
    },
    Setting {
        name: "LogLevel",
        default: "`info`",
        meaning: "`error`, `warn`, `info` or `debug`. A wrong value is reported, and `info` is used",
    },
    Setting {
        name: "LogFormat",
        default: "`text` on your machine, `json` in Azure",
        meaning: "`text` for people, `json` for programs",
    },
];

/// The table of the page.
#[must_use]
pub fn table() -> String {
    let row = |setting: Setting| format!("| `{}` | {} | {} |\n", setting.name, setting.default, setting.meaning);
    let rows: String = SETTINGS.into_iter().map(row).collect();
    format!("| app setting | default | meaning |\n|---|---|---|\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure_devops::API_VERSION;
    use crate::task::plan_url::AllowedPlanUrls;

    #[test]
    fn the_defaults_are_those_of_the_code() {
        for (name, default) in [("AzureDevOpsApiVersion", API_VERSION), ("AllowedPlanUrls", AllowedPlanUrls::DEFAULT)] {
            let setting = SETTINGS.into_iter().find(|setting| setting.name == name).expect(name);
            assert!(setting.default.contains(&format!("`{default}`")), "{name}: {}", setting.default);
        }
    }
}
