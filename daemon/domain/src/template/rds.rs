//! `rds`: a database with its subnet group, security groups, parameters and password.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::database::{add_password, add_security_groups};
use super::intrinsic::{attribute, reference};
use super::place::{NetworkIds, Place};
use super::{Builder, Problems, problem};
use crate::manifest::OnDestroy;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rds {
    engine: Engine,
    version: String,
    instance_class: String,
    storage_gb: u32,
    max_storage_gb: Option<u32>,
    multi_zone: Option<bool>,
    database_name: Option<String>,
    username: Option<String>,
    backup_days: Option<u32>,
    deletion_protection: Option<bool>,
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    require_tls: Option<bool>,
    #[serde(default)]
    insights: bool,
    apply_immediately: Option<bool>,
    network: Option<NetworkIds>,
    #[serde(default)]
    allow_cidrs: Vec<String>,
    #[serde(default)]
    kms_key_arn: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Engine {
    Postgres,
    Mysql,
    Mariadb,
}

impl Engine {
    const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }

    const fn port(self) -> u32 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql | Self::Mariadb => 3306,
        }
    }

    /// The family of its parameters, such as postgres16 or mysql8.4.
    fn family(self, version: &str) -> String {
        let parts = if self == Self::Postgres { 1 } else { 2 };
        let major: Vec<&str> = version.split('.').take(parts).collect();
        format!("{}{}", self.name(), major.join("."))
    }

    /// The parameter that refuses connections in plain text.
    const fn tls_parameter(self) -> &'static str {
        match self {
            Self::Postgres => "rds.force_ssl",
            Self::Mysql | Self::Mariadb => "require_secure_transport",
        }
    }

    const fn logs(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgresql", "upgrade"],
            Self::Mysql | Self::Mariadb => &["error", "slowquery"],
        }
    }

    fn reserves(self, username: &str) -> bool {
        let reserved: &[&str] = match self {
            Self::Postgres => &["admin", "postgres", "rdsadmin", "user", "public", "rds_superuser"],
            Self::Mysql | Self::Mariadb => &["rdsadmin", "mysql", "root"],
        };
        // The last of these is the default user of every PostgreSQL, and RDS takes it.
        reserved.contains(&username.to_ascii_lowercase().as_str()) && username != "postgres"
    }
}

pub(super) fn compile(builder: &mut Builder<'_>, rds: &Rds) -> Result<(), Problems> {
    rds.check()?;
    let (engine, production) = (rds.engine, builder.production());
    let place = Place::of(builder, rds.network.as_ref())?;
    let subnets = place.inner()?;
    let password = add_password(builder);
    add_security_groups(builder, &place, engine.port(), &rds.allow_cidrs);
    let about = format!("Subnets of {}", builder.request.component);
    builder.add_data(
        "SubnetGroup",
        "AWS::RDS::DBSubnetGroup",
        json!({ "DBSubnetGroupDescription": about, "SubnetIds": subnets }),
    );
    rds.add_parameters(builder);
    let (name, username) =
        (rds.database_name.as_deref().unwrap_or("app"), rds.username.as_deref().unwrap_or("dbadmin"));
    let protected = rds.deletion_protection.unwrap_or(production);
    let database = builder.add_data(
        "Database",
        "AWS::RDS::DBInstance",
        json!({
            "Engine": engine.name(),
            "EngineVersion": rds.version,
            "DBInstanceClass": rds.instance_class,
            "AllocatedStorage": rds.storage_gb.to_string(),
            "MaxAllocatedStorage": rds.max_storage_gb,
            "StorageType": "gp3",
            "StorageEncrypted": true,
            "KmsKeyId": rds.kms_key_arn,
            "MultiAZ": rds.multi_zone.unwrap_or(production),
            "DBName": name,
            "MasterUsername": username,
            "MasterUserPassword": password,
            "DBSubnetGroupName": reference("SubnetGroup"),
            "VPCSecurityGroups": [attribute("SecurityGroup", "GroupId")],
            "DBParameterGroupName": rds.has_parameters().then(|| reference("Parameters")),
            "PubliclyAccessible": false,
            "BackupRetentionPeriod": rds.backup_days.unwrap_or(if production { 14 } else { 7 }),
            "CopyTagsToSnapshot": true,
            "DeletionProtection": protected,
            "AutoMinorVersionUpgrade": true,
            "EnableCloudwatchLogsExports": engine.logs(),
            "EnablePerformanceInsights": rds.insights.then_some(true),
            "ApplyImmediately": rds.apply_immediately.unwrap_or(!production),
        }),
    );
    // A replacement starts empty: what was there stays as a snapshot.
    database["UpdateReplacePolicy"] = json!("Snapshot");
    if builder.request.on_destroy == OnDestroy::Delete && production {
        builder.resource("Database")["DeletionPolicy"] = json!("Snapshot");
    }
    builder.output("endpoint", attribute("Database", "Endpoint.Address"));
    builder.output("port", attribute("Database", "Endpoint.Port"));
    builder.output("databaseName", json!(name));
    builder.output("username", json!(username));
    builder.output("identifier", reference("Database"));
    builder.output("arn", attribute("Database", "DBInstanceArn"));
    Ok(())
}

impl Rds {
    fn check(&self) -> Result<(), Problems> {
        if let Some(most) = self.max_storage_gb
            && u64::from(most) * 10 < u64::from(self.storage_gb) * 11
        {
            return problem(
                format!("`maxStorageGb: {most}` leaves no room above `storageGb: {}`", self.storage_gb),
                "it must be at least a tenth more",
            );
        }
        match &self.username {
            Some(name) if self.engine.reserves(name) => {
                problem(format!("`username: {name}` is the engine's own"), "choose another name, or leave it out")
            }
            _ => Ok(()),
        }
    }

    fn has_parameters(&self) -> bool {
        self.require_tls != Some(false) || !self.parameters.is_empty()
    }

    fn add_parameters(&self, builder: &mut Builder<'_>) {
        if !self.has_parameters() {
            return;
        }
        let mut parameters = self.parameters.clone();
        if self.require_tls != Some(false) {
            parameters.insert(self.engine.tls_parameter().to_owned(), json!("1"));
        }
        let about = format!("Parameters of {}", builder.request.component);
        builder.add_data(
            "Parameters",
            "AWS::RDS::DBParameterGroup",
            json!({ "Description": about, "Family": self.engine.family(&self.version), "Parameters": parameters }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_follow_the_major_version() {
        assert_eq!(Engine::Postgres.family("16.4"), "postgres16");
        assert_eq!(Engine::Mysql.family("8.4"), "mysql8.4");
        assert_eq!(Engine::Mariadb.family("10.11.8"), "mariadb10.11");
    }
}
