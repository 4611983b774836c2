//! Files and folders that only their owner may read. Never follows a umask: the mode is given at creation.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::random;

/// Makes the folder of `path` (0700) and the file itself (0600, empty) where they are missing, and closes an existing
/// file to others. An existing file is never opened: closing it again would drop the locks that SQLite holds on it in
/// this process (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).
pub(crate) fn prepare_database(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        private_folder_builder().create(folder)?;
    }
    match private_options().open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // A folder or a device would be made useless, and be no database anyway.
            if !fs::metadata(path)?.is_file() {
                return Err(io::Error::other("it is not a regular file"));
            }
            // SQLite gives its side files the mode of the main file, but only those that it makes from now on.
            for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
                close_to_others(&file)?;
            }
            // SQLite's own words for a folder that it cannot write to are "unable to open database file".
            try_folder(path)
        }
        Err(error) => Err(error),
    }
}

/// Fails if no file can be made beside `path`, as SQLite makes its log.
fn try_folder(path: &Path) -> io::Result<()> {
    let probe = draft_of(path)?;
    private_options().open(&probe)?;
    fs::remove_file(&probe)
}

/// Writes a file that was not there before, whole or not at all, also through a power cut. The caller makes sure that
/// nobody else makes the same file at the same time.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let draft = draft_of(path)?;
    let written = write_synced(&draft, content).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&draft);
    }
    written.and_then(|()| sync_folder(path))
}

/// The folder that holds `path`; a bare name is in the working folder.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// `path` with `suffix` put to its end.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A name beside `path` that nobody else has.
fn draft_of(path: &Path) -> io::Result<PathBuf> {
    let suffix = u64::from_ne_bytes(random::bytes().map_err(io::Error::other)?);
    Ok(beside(path, &format!(".{suffix:016x}.tmp")))
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private_options().open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A new name lasts through a power cut only once its folder is synced.
#[cfg(unix)]
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn private_options() -> OpenOptions {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn private_folder_builder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Takes the rights of group and others from a file, if it is there and they have any.
#[cfg(unix)]
pub(crate) fn close_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let mut permissions = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if permissions.mode() & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!(path = %path.display(), "the file was open to other users; its mode is 0600 now");
    permissions.set_mode(0o600);
    fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
pub(crate) fn close_to_others(_path: &Path) -> io::Result<()> {
    Ok(())
}
