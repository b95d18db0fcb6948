//! Who called an HTTP function, as .NET writes it.

use serde_json::{Value, json};

/// Where the host takes its word for what a claim says.
const ISSUER: &str = "LOCAL AUTHORITY";

/// The caller with the function's key, or one without any identity.
pub(super) fn identity(has_key: bool) -> Value {
    let claims: Vec<Value> = match has_key {
        true => [("authlevel", "Function"), ("invoke", "true"), ("keyid", "default")].map(claim).into(),
        false => Vec::new(),
    };
    json!({
        "AuthenticationType": has_key.then_some("WebJobsAuthLevel"),
        "IsAuthenticated": has_key,
        "Actor": null,
        "BootstrapContext": null,
        "Claims": claims,
        "Label": null,
        "Name": null,
        "NameClaimType": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
        "RoleClaimType": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    })
}

fn claim((name, value): (&str, &str)) -> Value {
    json!({
        "Issuer": ISSUER,
        "OriginalIssuer": ISSUER,
        "Properties": {},
        "Type": format!("http://schemas.microsoft.com/2017/07/functions/claims/{name}"),
        "Value": value,
        "ValueType": "http://www.w3.org/2001/XMLSchema#string",
    })
}
