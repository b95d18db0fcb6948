# The same resources as in main.bicep, which says why. All are made by azapi: azurerm writes a storage connection string
# into the app, with which an app without shared keys does not start.

data "azapi_client_config" "current" {}

locals {
  suffix    = substr(md5("${var.resource_group_id}/${var.name}"), 0, 13)
  container = "app-package"
  queues    = ["check-evaluations", "check-evaluations-poison"]

  blob_data_owner              = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
  blob_data_contributor        = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
  queue_data_contributor       = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
  table_data_contributor       = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
  key_vault_secrets_user       = "4633458b-17de-408a-b874-0445c86b69e6"
  monitoring_metrics_publisher = "3913510d-42f4-4e42-8a64-420c390055eb"

  roles            = "/subscriptions/${data.azapi_client_config.current.subscription_id}/providers/Microsoft.Authorization/roleDefinitions"
  storage_roles    = [local.blob_data_owner, local.queue_data_contributor, local.table_data_contributor]
  default_maximum  = { Flex = 40, Premium = 5 }
  maximum          = coalesce(var.maximum_instance_count, local.default_maximum[var.plan])
  client_id        = azapi_resource.identity.output.properties.clientId
  principal_id     = azapi_resource.identity.output.properties.principalId
  blob_endpoint    = azapi_resource.storage.output.properties.primaryEndpoints.blob
  package_location = "${local.blob_endpoint}${local.container}"
}

resource "azapi_resource" "identity" {
  type                   = "Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31"
  parent_id              = var.resource_group_id
  name                   = "id-${var.name}"
  location               = var.location
  response_export_values = ["properties.clientId", "properties.principalId"]
}

resource "azapi_resource" "storage" {
  type      = "Microsoft.Storage/storageAccounts@2024-01-01"
  parent_id = var.resource_group_id
  name      = "st${local.suffix}"
  location  = var.location
  body = {
    kind = "StorageV2"
    sku  = { name = var.storage_sku }
    properties = {
      allowSharedKeyAccess         = false
      allowBlobPublicAccess        = false
      defaultToOAuthAuthentication = true
      minimumTlsVersion            = "TLS1_2"
      supportsHttpsTrafficOnly     = true
    }
  }
  response_export_values = ["properties.primaryEndpoints.blob"]
}

resource "azapi_resource" "packages" {
  type      = "Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01"
  parent_id = "${azapi_resource.storage.id}/blobServices/default"
  name      = local.container
  body = {
    properties = { publicAccess = "None" }
  }
}

resource "azapi_resource" "queue" {
  for_each  = toset(local.queues)
  type      = "Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01"
  parent_id = "${azapi_resource.storage.id}/queueServices/default"
  name      = each.value
  body      = {}
}

resource "azapi_resource" "vault" {
  type      = "Microsoft.KeyVault/vaults@2023-07-01"
  parent_id = var.resource_group_id
  name      = "kv-${local.suffix}"
  location  = var.location
  body = {
    properties = {
      tenantId                  = data.azapi_client_config.current.tenant_id
      sku                       = { family = "A", name = "standard" }
      enableRbacAuthorization   = true
      enablePurgeProtection     = true
      softDeleteRetentionInDays = 90
    }
  }
  response_export_values = ["properties.vaultUri"]
}

resource "azapi_resource" "sealing_key" {
  type      = "Microsoft.KeyVault/vaults/secrets@2023-07-01"
  parent_id = azapi_resource.vault.id
  name      = "TokenSealingKey"
  body      = {}
  sensitive_body = {
    properties = { value = var.token_sealing_key }
  }
  sensitive_body_version = {
    "properties.value" = tostring(var.token_sealing_key_version)
  }
}

resource "azapi_resource" "storage_role" {
  for_each  = toset(local.storage_roles)
  type      = "Microsoft.Authorization/roleAssignments@2022-04-01"
  parent_id = azapi_resource.storage.id
  name      = uuidv5("url", "${azapi_resource.storage.id}|${azapi_resource.identity.id}|${each.value}")
  body = {
    properties = {
      roleDefinitionId = "${local.roles}/${each.value}"
      principalId      = local.principal_id
      principalType    = "ServicePrincipal"
    }
  }
}

resource "azapi_resource" "vault_role" {
  type      = "Microsoft.Authorization/roleAssignments@2022-04-01"
  parent_id = azapi_resource.vault.id
  name      = uuidv5("url", "${azapi_resource.vault.id}|${azapi_resource.identity.id}|${local.key_vault_secrets_user}")
  body = {
    properties = {
      roleDefinitionId = "${local.roles}/${local.key_vault_secrets_user}"
      principalId      = local.principal_id
      principalType    = "ServicePrincipal"
    }
  }
}

resource "azapi_resource" "insights_role" {
  type      = "Microsoft.Authorization/roleAssignments@2022-04-01"
  parent_id = azapi_resource.insights.id
  name      = uuidv5("url", "${azapi_resource.insights.id}|${azapi_resource.identity.id}|${local.monitoring_metrics_publisher}")
  body = {
    properties = {
      roleDefinitionId = "${local.roles}/${local.monitoring_metrics_publisher}"
      principalId      = local.principal_id
      principalType    = "ServicePrincipal"
    }
  }
}

resource "azapi_resource" "deployer_role" {
  count     = var.deployer_object_id == null ? 0 : 1
  type      = "Microsoft.Authorization/roleAssignments@2022-04-01"
  parent_id = azapi_resource.storage.id
  name      = uuidv5("url", "${azapi_resource.storage.id}|${var.deployer_object_id}|${local.blob_data_contributor}")
  body = {
    properties = {
      roleDefinitionId = "${local.roles}/${local.blob_data_contributor}"
      principalId      = var.deployer_object_id
    }
  }
}
