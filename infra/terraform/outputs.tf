output "function_url" {
  value = "https://${azapi_resource.app.output.properties.defaultHostName}/api/CheckFunction"
}

output "vault_name" {
  value = azapi_resource.vault.name
}

output "storage_account_name" {
  value = azapi_resource.storage.name
}

output "identity_principal_id" {
  value = local.principal_id
}
