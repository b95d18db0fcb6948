resource "azapi_resource" "workspace" {
  type      = "Microsoft.OperationalInsights/workspaces@2023-09-01"
  parent_id = var.resource_group_id
  name      = "log-${var.name}"
  location  = var.location
  body = {
    properties = {
      sku             = { name = "PerGB2018" }
      retentionInDays = 30
    }
  }
}

resource "azapi_resource" "insights" {
  type      = "Microsoft.Insights/components@2020-02-02"
  parent_id = var.resource_group_id
  name      = "appi-${var.name}"
  location  = var.location
  body = {
    kind = "web"
    properties = {
      Application_Type    = "web"
      WorkspaceResourceId = azapi_resource.workspace.id
      DisableLocalAuth    = true
    }
  }
  response_export_values = ["properties.ConnectionString"]
}

resource "azapi_resource" "on_call" {
  count     = var.alert_email == null ? 0 : 1
  type      = "Microsoft.Insights/actionGroups@2023-01-01"
  parent_id = var.resource_group_id
  name      = "ag-${var.name}"
  location  = "global"
  body = {
    properties = {
      groupShortName = "checkgate"
      enabled        = true
      emailReceivers = [{ name = "on call", emailAddress = var.alert_email, useCommonAlertSchema = true }]
    }
  }
}

resource "azapi_resource" "alert" {
  for_each  = { for rule in jsondecode(file("${path.module}/../alerts.json")) : rule.name => rule }
  type      = "Microsoft.Insights/scheduledQueryRules@2022-06-15"
  parent_id = var.resource_group_id
  name      = "${var.name}-${each.key}"
  location  = var.location
  body = {
    properties = {
      displayName         = "${var.name}: ${each.value.title}"
      description         = each.value.description
      severity            = each.value.severity
      enabled             = true
      scopes              = [azapi_resource.insights.id]
      evaluationFrequency = "PT5M"
      windowSize          = "PT5M"
      autoMitigate        = true
      skipQueryValidation = true
      criteria = {
        allOf = [
          {
            query           = each.value.query
            timeAggregation = "Count"
            operator        = "GreaterThan"
            threshold       = 0
            failingPeriods  = { numberOfEvaluationPeriods = 1, minFailingPeriodsToAlert = 1 }
          }
        ]
      }
      actions = { actionGroups = azapi_resource.on_call[*].id }
    }
  }
}

# What the handler measures, where a collector passes it on to Application Insights.
resource "azapi_resource" "metrics_workbook" {
  type      = "Microsoft.Insights/workbooks@2022-04-01"
  parent_id = var.resource_group_id
  name      = uuidv5("url", "${var.resource_group_id}/workbooks/${var.name}")
  location  = var.location
  body = {
    kind = "shared"
    properties = {
      displayName    = var.name
      category       = "workbook"
      version        = "Notebook/1.0"
      sourceId       = azapi_resource.insights.id
      serializedData = file("${path.module}/../workbook.json")
    }
  }
}
