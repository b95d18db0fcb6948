locals {
  plan_of = {
    Flex = {
      kind       = "functionapp"
      sku        = { tier = "FlexConsumption", name = "FC1" }
      properties = { reserved = true }
    }
    Premium = {
      kind       = "elastic"
      sku        = { tier = "ElasticPremium", name = "EP1" }
      properties = { reserved = true, maximumElasticWorkerCount = local.maximum }
    }
  }

  # Each apply replaces all app settings with those of this file, so everything that the app needs must be here.
  common_settings = [
    { name = "AzureWebJobsStorage__accountName", value = azapi_resource.storage.name },
    { name = "AzureWebJobsStorage__credential", value = "managedidentity" },
    { name = "AzureWebJobsStorage__clientId", value = local.client_id },
    { name = "APPLICATIONINSIGHTS_CONNECTION_STRING", value = azapi_resource.insights.output.properties.ConnectionString },
    { name = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", value = "ClientId=${local.client_id};Authorization=AAD" },
    { name = "ManagedIdentityClientId", value = local.client_id },
    { name = "AllowedPlanUrls", value = var.allowed_plan_urls },
    {
      name  = "TokenSealingKey"
      value = "@Microsoft.KeyVault(SecretUri=${azapi_resource.vault.output.properties.vaultUri}secrets/TokenSealingKey)"
    },
  ]

  premium_settings = [
    { name = "FUNCTIONS_EXTENSION_VERSION", value = "~4" },
    { name = "FUNCTIONS_WORKER_RUNTIME", value = "custom" },
    { name = "WEBSITE_RUN_FROM_PACKAGE", value = "${local.package_location}/${var.package_name}" },
    { name = "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID", value = azapi_resource.identity.id },
  ]

  further_settings = [for name, value in var.settings : { name = name, value = value }]

  always_ready = { name = "http", instanceCount = var.always_ready_instances }

  site = {
    serverFarmId              = azapi_resource.hosting_plan.id
    httpsOnly                 = true
    clientAffinityEnabled     = false
    keyVaultReferenceIdentity = azapi_resource.identity.id
    virtualNetworkSubnetId    = var.subnet_id
  }

  site_of = {
    Flex = {
      functionAppConfig = {
        runtime = { name = "custom", version = "1.0" }
        deployment = {
          storage = {
            type  = "blobContainer"
            value = local.package_location
            authentication = {
              type                           = "UserAssignedIdentity"
              userAssignedIdentityResourceId = azapi_resource.identity.id
            }
          }
        }
        scaleAndConcurrency = {
          instanceMemoryMB     = 512
          maximumInstanceCount = local.maximum
          alwaysReady          = [for one in [local.always_ready] : one if one.instanceCount > 0]
        }
      }
      siteConfig = {
        minTlsVersion = "1.2"
        ftpsState     = "Disabled"
        appSettings   = concat(local.common_settings, local.further_settings)
      }
    }
    Premium = {
      siteConfig = {
        minTlsVersion                          = "1.2"
        ftpsState                              = "Disabled"
        linuxFxVersion                         = ""
        use32BitWorkerProcess                  = false
        functionAppScaleLimit                  = local.maximum
        minimumElasticInstanceCount            = 1
        functionsRuntimeScaleMonitoringEnabled = var.subnet_id != null
        appSettings                            = concat(local.common_settings, local.premium_settings, local.further_settings)
      }
    }
  }
}

resource "azapi_resource" "hosting_plan" {
  type      = "Microsoft.Web/serverfarms@2024-04-01"
  parent_id = var.resource_group_id
  name      = "plan-${var.name}"
  location  = var.location
  body      = local.plan_of[var.plan]
}

resource "azapi_resource" "app" {
  type      = "Microsoft.Web/sites@2024-04-01"
  parent_id = var.resource_group_id
  name      = var.name
  location  = var.location
  identity {
    type         = "UserAssigned"
    identity_ids = [azapi_resource.identity.id]
  }
  body = {
    kind       = "functionapp,linux"
    properties = merge(local.site, local.site_of[var.plan])
  }
  ignore_null_property   = true
  response_export_values = ["properties.defaultHostName"]
  depends_on = [
    azapi_resource.packages,
    azapi_resource.queue,
    azapi_resource.sealing_key,
    azapi_resource.storage_role,
    azapi_resource.vault_role,
    azapi_resource.insights_role,
  ]
}

# They always exist: they are changed, not made.
resource "azapi_update_resource" "no_ftp" {
  type      = "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01"
  parent_id = azapi_resource.app.id
  name      = "ftp"
  body = {
    properties = { allow = false }
  }
}

resource "azapi_update_resource" "no_basic_auth" {
  type      = "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01"
  parent_id = azapi_resource.app.id
  name      = "scm"
  body = {
    properties = { allow = false }
  }
}
