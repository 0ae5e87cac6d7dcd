//! Sessions in one file that only its owner may read; people opt into it with `DEPLOYER_KEYRING=file`.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::vault::{SessionVault, VaultError, VaultPlace, VaultResult};
use rustix::fs::OFlags;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Far more than any number of contexts needs.
const MAX_BYTES: u64 = 4 << 20;

type Entries = BTreeMap<String, String>;

/// Keeps sessions in a file of mode 0600. Each write replaces the file as a whole, so that a crash leaves the old one
/// or the new one; a second file is locked around it, so that two daemons lose nothing.
#[derive(Debug, Clone)]
pub struct FileVault {
    path: Arc<PathBuf>,
}

impl FileVault {
    /// Keeps sessions at a path whose directory belongs to the user alone.
    pub fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path) }
    }

    async fn change(&self, change: impl FnOnce(&mut Entries) + Send + 'static) -> VaultResult<()> {
        self.blocking(move |path| {
            let beside = path.with_extension("lock");
            let lock = private(&beside, OpenOptions::new().write(true).create(true))
                .map_err(|error| io::Error::new(error.kind(), format!("{} beside it: {error}", beside.display())))?;
            lock.lock()?;
            let mut entries = load(path)?;
            change(&mut entries);
            store(path, &entries)
        })
        .await
    }

    async fn load(&self) -> VaultResult<Entries> {
        self.blocking(load).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> VaultResult<T> {
        let path = Arc::clone(&self.path);
        let shown = self.path.display().to_string();
        match tokio::task::spawn_blocking(move || work(&path)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(VaultError(format!("the session file {shown} cannot be used: {error}"))),
            Err(_) => Err(VaultError(format!("the session file {shown} cannot be used"))),
        }
    }
}

/// Opens a file that must be the user's own, readable by nobody else, and no symbolic link.
fn private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let nofollow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let file = options.mode(0o600).custom_flags(nofollow).open(path).map_err(|error| {
        if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            io::Error::other("it is a symbolic link")
        } else {
            error
        }
    })?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to somebody else"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it; run `chmod 600` on it, and sign in again if somebody did"));
    }
    Ok(file)
}

fn load(path: &Path) -> io::Result<Entries> {
    let file = match private(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entries::new()),
        Err(error) => return Err(error),
    };
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES).read_to_string(&mut text)?;
    // The parser's own message may quote the content.
    serde_json::from_str(&text).map_err(|_| io::Error::other("it is damaged; remove it and sign in again"))
}

fn store(path: &Path, entries: &Entries) -> io::Result<()> {
    let text = Zeroizing::new(serde_json::to_string_pretty(entries)?);
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    // Left behind by a process that died with the same id; the lock is ours.
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(&fresh, OpenOptions::new().write(true).create_new(true))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let replaced = written.and_then(|()| std::fs::rename(&fresh, path));
    if replaced.is_err() {
        let _ = std::fs::remove_file(&fresh);
        return replaced;
    }
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[async_trait]
impl SessionVault for FileVault {
    async fn place(&self, _: &str) -> VaultPlace {
        VaultPlace { name: self.path.display().to_string(), lasting: true, warning: None }
    }

    async fn read(&self, name: &str) -> VaultResult<Option<SecretString>> {
        Ok(self.load().await?.remove(name).map(SecretString::from))
    }

    async fn write(&self, name: &str, document: &SecretString) -> VaultResult<()> {
        let (name, document) = (name.to_owned(), document.clone());
        self.change(move |entries| {
            entries.insert(name, document.expose_secret().to_owned());
        })
        .await
    }

    async fn remove(&self, name: &str) -> VaultResult<()> {
        let name = name.to_owned();
        self.change(move |entries| {
            entries.remove(&name);
        })
        .await
    }

    async fn names(&self) -> VaultResult<Vec<String>> {
        Ok(self.load().await?.into_keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use deployer_domain::laws;

    use super::*;

    fn vault() -> (tempfile::TempDir, FileVault) {
        let directory = tempfile::tempdir().unwrap();
        let vault = FileVault::new(directory.path().join("sessions.json"));
        (directory, vault)
    }

    fn hush() -> SecretString {
        SecretString::from("hush")
    }

    #[tokio::test]
    async fn a_file_obeys_the_laws_of_vaults() {
        let directories = std::sync::Mutex::new(Vec::new());
        laws::vault::all(async || {
            let (directory, vault) = vault();
            directories.lock().unwrap().push(directory);
            vault
        })
        .await;
    }

    #[tokio::test]
    async fn only_its_owner_may_read_it_and_nothing_else_is_left() {
        let (directory, vault) = vault();
        vault.write("a", &hush()).await.unwrap();
        let mut names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["sessions.json", "sessions.lock"]);
        for name in names {
            assert_eq!(fs::metadata(directory.path().join(name)).unwrap().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_link_a_file_for_others_and_a_damaged_one_are_refused_and_left_alone() {
        let (directory, vault) = vault();
        let (path, elsewhere) = (directory.path().join("sessions.json"), directory.path().join("elsewhere"));
        fs::write(&elsewhere, "{}").unwrap();
        symlink(&elsewhere, &path).unwrap();
        let error = vault.write("a", &hush()).await.unwrap_err();
        assert!(error.0.contains("symbolic link") && error.0.contains("sessions.json"), "{error}");
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "{}");

        fs::remove_file(&path).unwrap();
        fs::write(&path, "{}").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(vault.read("a").await.unwrap_err().0.contains("chmod 600"));

        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "{\"a\": hush").unwrap();
        let error = vault.write("a", &hush()).await.unwrap_err();
        assert!(error.0.contains("damaged") && !error.0.contains("hush"), "{error}");
    }

    #[tokio::test]
    async fn what_one_process_wrote_another_reads() {
        let (_directory, vault) = vault();
        vault.write("a", &hush()).await.unwrap();
        let other = FileVault::new(vault.path.as_ref().clone());
        assert_eq!(other.read("a").await.unwrap().unwrap().expose_secret(), "hush");
    }
}
