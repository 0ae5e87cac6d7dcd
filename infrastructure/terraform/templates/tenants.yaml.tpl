version: v1
metadata:
  created: ${now}
  updated: ${now}
  bucket: ${bucket}
  region: ${region}

config:
  lockTable: ${table}
  defaultVersion: v1

tenants: []
