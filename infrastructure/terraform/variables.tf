variable "bucket_name" {
  description = "The bucket that holds tenants.yaml, state, history and audit."
  type        = string
}

variable "table_name" {
  description = "The table that holds the locks."
  type        = string
}

variable "region" {
  description = "The region of the bucket, the table and the secret."
  type        = string
  default     = "us-east-1"
}

variable "admin_secret_name" {
  description = "The secret that holds the admin password; empty where it is made elsewhere."
  type        = string
  default     = "/deployer/admin-credentials"
}

variable "require_tls" {
  description = "Whether the bucket refuses requests without TLS. Only a local AWS without TLS needs false."
  type        = bool
  default     = true
}

variable "create_registry" {
  description = "Whether to write the first tenants.yaml. Set it to false where the bucket was imported with tenants in it."
  type        = bool
  default     = true
}

variable "shared_role_accounts" {
  description = "Accounts whose principals may assume the shared tenant role, by their tag `tenant`. Empty: there is no shared role."
  type        = list(string)
  default     = []
}
