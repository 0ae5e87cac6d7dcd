# The backend of deployer: one bucket, one lock table, one admin secret, the first tenants.yaml.
# ../cloudformation/backend.yaml makes the same.

data "aws_partition" "current" {}

module "policies" {
  source = "./modules/policies"

  partition   = data.aws_partition.current.partition
  bucket_name = var.bucket_name
  table_name  = var.table_name
  require_tls = var.require_tls
}

resource "aws_s3_bucket" "deployer_state" {
  bucket = var.bucket_name

  tags = {
    Purpose = "Deployer Multi-Tenant State"
  }

  # What teams have deployed is known only here.
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "deployer_state" {
  bucket = aws_s3_bucket.deployer_state.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "deployer_state" {
  bucket = aws_s3_bucket.deployer_state.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "deployer_state" {
  bucket = aws_s3_bucket.deployer_state.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "deployer_state" {
  bucket = aws_s3_bucket.deployer_state.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "deployer_state" {
  bucket = aws_s3_bucket.deployer_state.id

  # Old versions exist only once versioning is on.
  depends_on = [aws_s3_bucket_versioning.deployer_state]

  # A document can be brought back for 90 days, and its last ten versions for longer.
  rule {
    id     = "older-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days           = 90
      newer_noncurrent_versions = 10
    }
  }

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "probes"
    status = "Enabled"

    filter {
      prefix = ".deployer-probe/"
    }

    expiration {
      days = 1
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }
}

resource "aws_s3_bucket_policy" "deployer_state" {
  bucket = aws_s3_bucket.deployer_state.id
  policy = module.policies.bucket

  depends_on = [aws_s3_bucket_public_access_block.deployer_state]
}

resource "aws_s3_object" "tenants_yaml" {
  count = var.create_registry ? 1 : 0

  bucket       = aws_s3_bucket.deployer_state.id
  key          = "tenants.yaml"
  content_type = "application/yaml"

  content = templatefile("${path.module}/templates/tenants.yaml.tpl", {
    now    = timestamp()
    bucket = aws_s3_bucket.deployer_state.id
    region = var.region
    table  = aws_dynamodb_table.deployer_locks.name
  })

  depends_on = [aws_s3_bucket_versioning.deployer_state]

  # From its second version on it belongs to `deployer`: nothing here may bring back an older one, or remove it.
  lifecycle {
    ignore_changes  = all
    prevent_destroy = true
  }
}

resource "aws_dynamodb_table" "deployer_locks" {
  name         = var.table_name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "LockID"

  attribute {
    name = "LockID"
    type = "S"
  }

  attribute {
    name = "TenantID"
    type = "S"
  }

  # Nothing that changes with a heartbeat is projected, so that one costs one write and not two.
  global_secondary_index {
    name               = "TenantIndex"
    hash_key           = "TenantID"
    projection_type    = "INCLUDE"
    non_key_attributes = ["StackName", "Environment"]
  }

  ttl {
    attribute_name = "TTL"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  tags = {
    Purpose = "Deployer Multi-Tenant Locks"
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Without a value: `deployer admin bootstrap` or `aws secretsmanager put-secret-value` gives it the first one, so that
# no password is ever in Terraform's state.
resource "aws_secretsmanager_secret" "admin_credentials" {
  count = var.admin_secret_name == "" ? 0 : 1

  name        = var.admin_secret_name
  description = "The administrators' password of deployer"

  tags = {
    Purpose = "Deployer Admin Credentials"
  }
}

module "shared_role" {
  source = "./modules/tenant-role"
  count  = length(var.shared_role_accounts) == 0 ? 0 : 1

  bucket_name = var.bucket_name
  table_name  = var.table_name
  principals  = [for account in var.shared_role_accounts : "arn:${data.aws_partition.current.partition}:iam::${account}:root"]
}
