terraform {
  # Ephemeral variables keep the sealing key out of the state.
  required_version = ">= 1.11"

  required_providers {
    azapi = {
      source  = "Azure/azapi"
      version = "~> 2.12"
    }
  }
}
