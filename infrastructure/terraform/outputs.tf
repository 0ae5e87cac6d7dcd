output "bucket_name" {
  description = "The bucket, for `deployer admin bootstrap --backend s3://BUCKET`."
  value       = aws_s3_bucket.deployer_state.id
}

output "table_name" {
  description = "The lock table."
  value       = aws_dynamodb_table.deployer_locks.name
}

output "admin_secret_arn" {
  description = "The admin secret."
  value       = one(aws_secretsmanager_secret.admin_credentials[*].arn)
}

output "shared_role_arn" {
  description = "For `deployer login --role-arn`; null without a shared role."
  value       = one(module.shared_role[*].role_arn)
}
