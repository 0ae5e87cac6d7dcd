//! A source as a tar stream, compressed: the same files make the same bytes on every machine.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::source::{MAX_SOURCE_BYTES, MAX_SOURCE_FILES, SourceHash};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::gather::Keep;
use super::read::{StackFiles, read_stack};

/// The version of the archive that this program writes.
const SOURCE_FORMAT: u32 = 1;

/// The first entry: what the archive is.
const ABOUT: &str = ".deployer/source.json";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    format_version: u32,
    /// The name of the stack's main file.
    main: String,
}

/// Writes an archive, or only hashes what it would be.
pub(super) struct Packer {
    tar: tar::Builder<Hashing<Sink>>,
}

impl Packer {
    pub fn new(keep: Keep, main: &str) -> io::Result<Self> {
        let sink = match keep {
            Keep::Hash => Sink::Nothing,
            Keep::Archive => Sink::Archive(zstd::Encoder::new(Vec::new(), 3)?),
        };
        let mut packer = Self { tar: tar::Builder::new(Hashing { hasher: Sha256::new(), inner: sink }) };
        packer.tar.mode(tar::HeaderMode::Deterministic);
        let about = About { format_version: SOURCE_FORMAT, main: main.to_owned() };
        packer.add(ABOUT, serde_json::to_string(&about)?.as_bytes(), false)?;
        Ok(packer)
    }

    pub fn add(&mut self, path: &str, content: &[u8], executable: bool) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(if executable { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        self.tar.append_data(&mut header, path, content)
    }

    pub fn finish(self) -> io::Result<(SourceHash, Option<Vec<u8>>)> {
        let Hashing { hasher, inner } = self.tar.into_inner()?;
        let archive = match inner {
            Sink::Nothing => None,
            Sink::Archive(encoder) => Some(encoder.finish()?),
        };
        Ok((SourceHash(hasher.finalize().into()), archive))
    }
}

enum Sink {
    Nothing,
    Archive(zstd::Encoder<'static, Vec<u8>>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Nothing => Ok(bytes.len()),
            Self::Archive(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Archive(encoder) => encoder.flush(),
        }
    }
}

/// Hashes what passes through it.
struct Hashing<T> {
    hasher: Sha256,
    inner: T,
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// Unpacks a source into an empty directory and reads its stack files.
///
/// An archive that is not exactly what its hash says, or that names anything outside the directory, is refused.
pub fn unpack(archive: &[u8], expected: &SourceHash, into: &Path) -> Result<StackFiles> {
    let write = |path: &Path, executable: bool, content: &mut dyn Read| {
        let target = into.join(path);
        target.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&target)?;
        io::copy(content, &mut file).map(drop)
    };
    let main = extract(archive, expected, write).map_err(|error| damaged(expected, error))?;
    let mut files = read_stack(&into.join(main), into)?;
    files.ignoring = false;
    Ok(files)
}

/// The files of a source, in memory, by path.
pub fn contents(archive: &[u8], expected: &SourceHash) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let keep = |path: &Path, _: bool, content: &mut dyn Read| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        files.insert(path.display().to_string(), bytes);
        Ok(())
    };
    extract(archive, expected, keep).map_err(|error| damaged(expected, error))?;
    Ok(files)
}

fn damaged(expected: &SourceHash, error: io::Error) -> Error {
    Error::new(Reason::Internal, format!("the source {expected} could not be unpacked"))
        .caused_by(error)
        .hint("its object in the storage is damaged; apply from the stack's directory instead")
}

/// Hands each file of an archive on, with its path and whether it is executable; answers the name of the main one.
fn extract(
    archive: &[u8],
    expected: &SourceHash,
    mut keep: impl FnMut(&Path, bool, &mut dyn Read) -> io::Result<()>,
) -> io::Result<String> {
    let most = MAX_SOURCE_BYTES + (MAX_SOURCE_FILES as u64 + 2) * 4096;
    let hashing = Hashing { hasher: Sha256::new(), inner: zstd::Decoder::new(archive)?.take(most) };
    let mut tar = tar::Archive::new(hashing);
    let (mut main, mut bytes, mut files) = (None, 0, 0);
    for entry in tar.entries()? {
        let mut entry = entry?;
        bytes += entry.size();
        files += 1;
        if bytes > MAX_SOURCE_BYTES + 4096 || files > MAX_SOURCE_FILES + 2 {
            return Err(refused("it is too large"));
        }
        let path = inside(&entry)?;
        if main.is_none() {
            let mut text = String::new();
            entry.take(4096).read_to_string(&mut text)?;
            main = Some(about(&path, &text)?);
            continue;
        }
        let executable = entry.header().mode()? & 0o100 != 0;
        keep(&path, executable, &mut entry)?;
    }
    // Nothing follows the end of the tar stream; if anything does, the hash differs.
    let mut rest = tar.into_inner();
    io::copy(&mut rest.by_ref().take(4096), &mut io::sink())?;
    if SourceHash(rest.hasher.finalize().into()) != *expected {
        return Err(refused("its content is not what its name says"));
    }
    main.ok_or_else(|| refused("it is empty"))
}

fn about(path: &Path, text: &str) -> io::Result<String> {
    if path != Path::new(ABOUT) {
        return Err(refused("it does not say what it is"));
    }
    let about: About = serde_json::from_str(text)?;
    if about.format_version > SOURCE_FORMAT {
        return Err(refused("a newer deployer made it: upgrade"));
    }
    match Path::new(&about.main).components().collect::<Vec<_>>().as_slice() {
        [Component::Normal(_)] => Ok(about.main),
        _ => Err(refused("its main file has no proper name")),
    }
}

/// The path of an entry: only regular files, only downwards.
fn inside<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<PathBuf> {
    let path = entry.path()?.into_owned();
    let downwards = path.components().all(|part| matches!(part, Component::Normal(_)));
    if entry.header().entry_type() != tar::EntryType::Regular || !downwards || path.as_os_str().is_empty() {
        return Err(refused("it holds something else than files below its directory"));
    }
    Ok(path)
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
