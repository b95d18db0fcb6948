variable "name" {
  description = "The name of the function app."
  type        = string
}

variable "resource_group_id" {
  description = "The id of the resource group where everything is made."
  type        = string
}

variable "location" {
  description = "The region where everything is made."
  type        = string
}

variable "plan" {
  description = "Flex for Flex Consumption, Premium for an Elastic Premium plan."
  type        = string
  default     = "Flex"

  validation {
    condition     = contains(["Flex", "Premium"], var.plan)
    error_message = "The plan is Flex or Premium."
  }
}

variable "allowed_plan_urls" {
  description = "Where decisions may be sent: your own organisation, as https://dev.azure.com/fabrikam/."
  type        = string
}

variable "token_sealing_key" {
  description = "The output of `checkgate keygen`. It is sent when token_sealing_key_version changes, and never stored."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

variable "token_sealing_key_version" {
  description = "Count this up to send another key."
  type        = number
  default     = 1
}

variable "storage_sku" {
  description = "How the waiting checks are kept: in three zones. Some regions have Standard_LRS only."
  type        = string
  default     = "Standard_ZRS"
}

variable "settings" {
  description = "Further app settings. They are stored in the state: give secrets as Key Vault references."
  type        = map(string)
  default     = {}
}

variable "maximum_instance_count" {
  description = "The most instances of each function. main.bicep says how it is chosen. Default: 40 on Flex, 5 on Premium."
  type        = number
  default     = null
}

variable "always_ready_instances" {
  description = "Flex: instances that always wait for deliveries. With 0, a delivery can meet a cold start."
  type        = number
  default     = 1
}

variable "package_name" {
  description = "Premium: the name of the package in the container app-package."
  type        = string
  default     = "checkgate.zip"
}

variable "subnet_id" {
  description = "A subnet that is delegated to the plan. The app then calls out through it."
  type        = string
  default     = null
}

variable "alert_email" {
  description = "Who is written to when an alert fires."
  type        = string
  default     = null
}

variable "deployer_object_id" {
  description = "The object id of the person or pipeline that uploads the package. Premium needs it, Flex does not."
  type        = string
  default     = null
}
