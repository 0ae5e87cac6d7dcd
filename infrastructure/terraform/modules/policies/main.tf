# The policies of the bucket and of the tenants' roles, as values: this module makes nothing and needs no provider.

variable "partition" {
  description = "The AWS partition."
  type        = string
  default     = "aws"
}

variable "account_id" {
  description = "The account of the lock table; only the tenants' policies need it."
  type        = string
  default     = ""
}

variable "bucket_name" {
  description = "The backend's bucket."
  type        = string
}

variable "table_name" {
  description = "The backend's lock table."
  type        = string
}

variable "require_tls" {
  description = "Whether the bucket refuses requests without TLS."
  type        = bool
  default     = true
}

variable "tenant" {
  description = "The tenant's id; empty for the shared role."
  type        = string
  default     = ""
}

variable "principals" {
  description = "The ARNs that may assume the tenant's role."
  type        = list(string)
  default     = []
}

locals {
  bucket = "arn:${var.partition}:s3:::${var.bucket_name}"
  table  = "arn:${var.partition}:dynamodb:*:${var.account_id}:table/${var.table_name}"
  # Either the tenant itself, or whoever's tag says that they belong to one.
  who = var.tenant == "" ? "$${aws:PrincipalTag/tenant}" : var.tenant

  # A star stands for any number of folders; a stack or an environment may be called `approvals` too.
  approvals = "v*/stacks/*/*/approvals/*"

  # No state is written without saying which version it follows.
  state_only_under_a_condition = {
    Sid       = "StateOnlyUnderACondition"
    Effect    = "Deny"
    Principal = "*"
    Action    = "s3:PutObject"
    Resource  = "${local.bucket}/tenants/*/stacks/*/state.json"
    Condition = {
      Null = {
        "s3:if-match"      = "true"
        "s3:if-none-match" = "true"
      }
    }
  }

  only_with_tls = {
    Sid       = "OnlyWithTls"
    Effect    = "Deny"
    Principal = "*"
    Action    = "s3:*"
    Resource  = [local.bucket, "${local.bucket}/*"]
    Condition = {
      Bool = {
        "aws:SecureTransport" = "false"
      }
    }
  }
}

output "bucket" {
  description = "The bucket's policy."
  value = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in [local.state_only_under_a_condition, local.only_with_tls] : statement if statement.Sid != "OnlyWithTls" || var.require_tls]
  })
}

output "tenant_trust" {
  description = "Who may assume a tenant's role: only whoever is that tenant's, and says so."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyAsOneTenant"
      Effect    = "Allow"
      Principal = { AWS = var.principals }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/tenant" = local.who
        }
        "ForAllValues:StringEquals" = {
          "aws:TagKeys" = ["tenant"]
        }
      }
    }]
  })
}

output "tenant" {
  description = "What a tenant's role may do."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "ReadOwnEntry"
        Effect = "Allow"
        Action = "s3:GetObject"
        Resource = [
          "${local.bucket}/registry/${local.who}.yaml",
          "${local.bucket}/tenants/${local.who}/tenant.yaml",
          "${local.bucket}/tenants/${local.who}/audit/*",
        ]
      },
      {
        Sid      = "WorkInOwnVersions"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = "${local.bucket}/tenants/${local.who}/v*/*"
      },
      {
        Sid       = "AddToOwnAudit"
        Effect    = "Allow"
        Action    = "s3:PutObject"
        Resource  = "${local.bucket}/tenants/${local.who}/audit/*"
        Condition = { Null = { "s3:if-none-match" = "false" } }
      },
      {
        Sid       = "ApprovalsAreMadeOnce"
        Effect    = "Deny"
        Action    = "s3:PutObject"
        Resource  = "${local.bucket}/tenants/${local.who}/${local.approvals}"
        Condition = { Null = { "s3:if-none-match" = "true" } }
      },
      {
        Sid      = "RecordsStay"
        Effect   = "Deny"
        Action   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
        Resource = ["${local.bucket}/tenants/${local.who}/audit/*", "${local.bucket}/tenants/${local.who}/${local.approvals}"]
      },
      {
        Sid       = "ListOwnPrefix"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.bucket
        Condition = { StringLike = { "s3:prefix" = "tenants/${local.who}/*" } }
      },
      {
        Sid       = "OwnLocks"
        Effect    = "Allow"
        Action    = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        Resource  = local.table
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = "tenant:${local.who}:*" } }
      },
      {
        Sid       = "ListOwnLocks"
        Effect    = "Allow"
        Action    = "dynamodb:Query"
        Resource  = "${local.table}/index/TenantIndex"
        Condition = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = local.who } }
      },
    ]
  })
}
