# The role through which a tenant reaches its own state, locks and audit, and nothing else. With `tenant` it is one
# tenant's; without, all tenants share it and are told apart by the tag `tenant` of who assumes it.
# ../../../cloudformation/tenant-role.yaml makes the same.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "bucket_name" {
  description = "The backend's bucket."
  type        = string
}

variable "table_name" {
  description = "The backend's lock table."
  type        = string
}

variable "tenant" {
  description = "The tenant's id; empty for the shared role."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([a-z][a-z0-9-]{2,39})?$", var.tenant))
    error_message = "A tenant's id has 3 to 40 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "principals" {
  description = "Who may assume it. For one tenant: the exact ARNs of its people's and pipelines' roles. For the shared role: the ARN of each account's root, whose principals then need the tag `tenant`."
  type        = list(string)
}

data "aws_partition" "current" {}

data "aws_caller_identity" "current" {}

module "policies" {
  source = "../policies"

  partition   = data.aws_partition.current.partition
  account_id  = data.aws_caller_identity.current.account_id
  bucket_name = var.bucket_name
  table_name  = var.table_name
  tenant      = var.tenant
  principals  = var.principals
}

resource "aws_iam_role" "tenant" {
  name                 = var.tenant == "" ? "deployer-tenant" : "deployer-tenant-${var.tenant}"
  description          = "Reaches a tenant's own state, locks and audit in deployer's backend"
  max_session_duration = 3600
  assume_role_policy   = module.policies.tenant_trust
}

resource "aws_iam_role_policy" "tenant" {
  name   = "deployer-tenant"
  role   = aws_iam_role.tenant.name
  policy = module.policies.tenant
}

output "role_arn" {
  description = "For `deployer login --role-arn`."
  value       = aws_iam_role.tenant.arn
}
