// A function app for checkgate with everything around it. docs/deploy.md says in which order to deploy.
// terraform/ makes the same resources; validate.py compares the two.

@description('The name of the function app. Its key will be asked for at https://<name>.azurewebsites.net.')
@minLength(2)
@maxLength(60)
param name string

@description('Where everything is made.')
param location string = resourceGroup().location

@description('Flex for Flex Consumption, Premium for an Elastic Premium plan.')
@allowed([
  'Flex'
  'Premium'
])
param plan string = 'Flex'

@description('Where decisions may be sent: your own organisation, as https://dev.azure.com/fabrikam/.')
param allowedPlanUrls string

@description('The output of `checkgate keygen`. Give it once. Without it, the key in the vault stays as it is.')
@secure()
param tokenSealingKey string = ''

@description('How the waiting checks are kept: in three zones. Some regions have Standard_LRS only.')
param storageSku string = 'Standard_ZRS'

@description('Further app settings, such as those that checks.yaml names. A value may be a Key Vault reference.')
@secure()
param settings object = {}

// A check that sleeps in the queue needs no instance. But when an instance falls behind, the scale controller counts all
// the sleeping checks too, and 10,000 of them then ask for 40 instances. One instance evaluates 256 checks at a time. 40 is
// the least that Flex Consumption documents.
@description('The most instances of each function.')
param maximumInstanceCount int = plan == 'Flex' ? 40 : 5

@description('Flex: instances that always wait for deliveries. With 0, a delivery can meet a cold start. Premium has 1.')
param alwaysReadyInstances int = 1

@description('Premium: the name of the package in the container app-package.')
param packageName string = 'checkgate.zip'

@description('A subnet that is delegated to the plan. The app then calls out through it.')
param subnetId string = ''

@description('Who is written to when an alert fires. Without it, alerts are seen in the portal only.')
param alertEmail string = ''

@description('The object id of the person or pipeline that uploads the package. Premium needs it, Flex does not.')
param deployerObjectId string = ''

var isFlex = plan == 'Flex'
var suffix = uniqueString(resourceGroup().id, name)
var container = 'app-package'
var queues = [
  'check-evaluations'
  'check-evaluations-poison'
]

var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var tableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

// The host keeps its leases and keys in blobs, and its own events in tables. Host and handler share the identity, and the
// handler makes the queues if they are missing: so Contributor, not Message Processor and Sender.
var storageRoles = [
  blobDataOwner
  queueDataContributor
  tableDataContributor
]

// An identity of its own, not the app's: it has its roles before the app starts for the first time.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}'
  location: location
}

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: 'st${suffix}'
  location: location
  kind: 'StorageV2'
  sku: { name: storageSku }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: storage
  name: 'default'
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobService
  name: container
  properties: { publicAccess: 'None' }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: storage
  name: 'default'
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for queueName in queues: {
  parent: queueService
  name: queueName
}]

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: 'kv-${suffix}'
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    // Without the key, waiting checks cannot be opened. Nobody can delete it for good.
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
  }
}

resource sealingKey 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(tokenSealingKey)) {
  parent: vault
  name: 'TokenSealingKey'
  properties: { value: tokenSealingKey }
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-${name}'
  location: location
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${name}'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

resource storageRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in storageRoles: {
  scope: storage
  name: guid(storage.id, identity.id, role)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}]

resource vaultRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, identity.id, keyVaultSecretsUser)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource insightsRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, identity.id, monitoringMetricsPublisher)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource deployerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(deployerObjectId)) {
  scope: storage
  name: guid(storage.id, deployerObjectId, blobDataContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: deployerObjectId
  }
}

var flexSku = { tier: 'FlexConsumption', name: 'FC1' }
var premiumSku = { tier: 'ElasticPremium', name: 'EP1' }

resource hostingPlan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  kind: isFlex ? 'functionapp' : 'elastic'
  sku: isFlex ? flexSku : premiumSku
  properties: {
    reserved: true
    maximumElasticWorkerCount: isFlex ? null : maximumInstanceCount
  }
}

// `Microsoft.Web/sites` replaces all app settings with those of the template, every time. So everything that the app needs
// must be here.
var commonSettings = [
  { name: 'AzureWebJobsStorage__accountName', value: storage.name }
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }
  {
    name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
    value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  }
  { name: 'ManagedIdentityClientId', value: identity.properties.clientId }
  { name: 'AllowedPlanUrls', value: allowedPlanUrls }
  {
    name: 'TokenSealingKey'
    value: '@Microsoft.KeyVault(SecretUri=${vault.properties.vaultUri}secrets/TokenSealingKey)'
  }
]

// Flex Consumption refuses or ignores these. On Premium the package is named here, and not by whoever publishes: a setting
// that only the publisher knows would be lost at the next deployment of this template, and the app would be empty.
var premiumSettings = [
  { name: 'FUNCTIONS_EXTENSION_VERSION', value: '~4' }
  { name: 'FUNCTIONS_WORKER_RUNTIME', value: 'custom' }
  {
    name: 'WEBSITE_RUN_FROM_PACKAGE'
    value: '${storage.properties.primaryEndpoints.blob}${container}/${packageName}'
  }
  { name: 'WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID', value: identity.id }
]

var furtherSettings = [for setting in items(settings): { name: setting.key, value: setting.value }]

var flexConfig = {
  runtime: { name: 'custom', version: '1.0' }
  deployment: {
    storage: {
      type: 'blobContainer'
      value: '${storage.properties.primaryEndpoints.blob}${container}'
      authentication: {
        type: 'UserAssignedIdentity'
        userAssignedIdentityResourceId: identity.id
      }
    }
  }
  scaleAndConcurrency: {
    instanceMemoryMB: 512
    maximumInstanceCount: maximumInstanceCount
    alwaysReady: alwaysReadyInstances == 0 ? [] : [ { name: 'http', instanceCount: alwaysReadyInstances } ]
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: hostingPlan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identity.id
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: isFlex ? flexConfig : null
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      linuxFxVersion: isFlex ? null : ''
      use32BitWorkerProcess: isFlex ? null : false
      functionAppScaleLimit: isFlex ? null : maximumInstanceCount
      minimumElasticInstanceCount: isFlex ? null : 1
      // With private endpoints alone, the scale controller cannot see the queue. The host then looks for it.
      functionsRuntimeScaleMonitoringEnabled: isFlex ? null : !empty(subnetId)
      appSettings: concat(commonSettings, isFlex ? [] : premiumSettings, furtherSettings)
    }
  }
  dependsOn: [
    packages
    queue
    sealingKey
    storageRole
    vaultRole
    insightsRole
  ]
}

// Keys for the function and for publishing are enough: nobody signs in with a password.
resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noBasicAuth 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

resource onCall 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(alertEmail)) {
  name: 'ag-${name}'
  location: 'global'
  properties: {
    groupShortName: 'checkgate'
    enabled: true
    emailReceivers: [
      { name: 'on call', emailAddress: alertEmail, useCommonAlertSchema: true }
    ]
  }
}

var alertRules = loadJsonContent('alerts.json')

resource alert 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [for rule in alertRules: {
  name: '${name}-${rule.name}'
  location: location
  properties: {
    displayName: '${name}: ${rule.title}'
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [ insights.id ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    autoMitigate: true
    // The tables of a new component appear with their first row.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: empty(alertEmail) ? [] : [ onCall.id ] }
  }
}]

// What the handler measures, where a collector passes it on to Application Insights.
resource metricsWorkbook 'Microsoft.Insights/workbooks@2022-04-01' = {
  name: guid(resourceGroup().id, name, 'workbook')
  location: location
  kind: 'shared'
  properties: {
    displayName: name
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: insights.id
    serializedData: loadTextContent('workbook.json')
  }
}

output functionUrl string = 'https://${app.properties.defaultHostName}/api/CheckFunction'
output vaultName string = vault.name
output storageAccountName string = storage.name
output identityPrincipalId string = identity.properties.principalId
