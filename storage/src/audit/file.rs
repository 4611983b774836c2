//! The audit log as a file: a line an event, appended, never changed, and on disk before [`AuditFile::append`] returns.
//!
//! - Several instances may write one file. Between [`AuditFile::ready`] and [`AuditFile::release`] an instance has it for
//!   itself (`flock`, which ends with the process too), so that no line is torn by another's, and `server.start` can name
//!   the line before it.
//! - An append that fails is undone: the file is cut to the length that was good. Where that fails too, nothing is
//!   appended until it is done. So what is in the file is what was said to be in it, however often the disk was full.
//! - A file that was moved or deleted (log rotation) is noticed before the next append; the path is opened anew. A
//!   file that was cut in place (`copytruncate`) is noticed too, but what came between the copy and the cut is lost.
//!
//! It does not know what a line says, but for the ends of a file: see [`tail`](super::tail).

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use llm_proxy_core::audit::Event;
use thiserror::Error;

use super::tail::{self, Tail};
use crate::files;

/// Why the audit log cannot be used, in a line that says what to do.
#[derive(Debug, Error)]
pub enum AuditFileError {
    /// The folder is not there or cannot be made.
    #[error("the folder of the audit log {path} cannot be used: {source}; make it, or set AUDIT_LOG_FILE or \
             AUDIT_CREATE_DIR", path = .path.display())]
    Folder {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something else at the path.
    #[error("the audit log {path} is not a regular file; set AUDIT_LOG_FILE to another path", path = .0.display())]
    NotAFile(PathBuf),
    /// The file cannot be opened, protected or read.
    #[error("the audit log {path} cannot be written: {source}; make it writable or set AUDIT_LOG_FILE to another path",
            path = .path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it and does not let go.
    #[error("the audit log {path} is held by another process; see what holds it, or set AUDIT_LOG_FILE to another path",
            path = .0.display())]
    Held(PathBuf),
}

/// Another instance holds the file for one write and one sync. It is waited for about 3 s.
const LOCK_ATTEMPTS: u32 = 3000;
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// The few things that are done to the open file, so that tests can make each of them fail.
pub(crate) trait Medium: Send {
    /// Appends some of `bytes`; how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Waits until the content is on disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to that length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// The file, for reading and looking at.
    fn file(&self) -> &File;
}

impl Medium for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn file(&self) -> &File {
        self
    }
}

/// Wraps a file that was opened; the identity but in tests.
pub(crate) type Wrap = Box<dyn Fn(File) -> Box<dyn Medium> + Send>;

/// Whether the file goes on where the last append ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ready {
    /// It does.
    Continues,
    /// What was written before is not in it: it was moved, deleted or cut.
    BeginsAnew,
}

/// The open audit log.
pub(crate) struct AuditFile {
    path: PathBuf,
    medium: Box<dyn Medium>,
    wrap: Wrap,
    /// Where the last whole line ends.
    length: u64,
    /// Whether there may be bytes after `length`, left by an append that failed. The lock is kept until they are cut off:
    /// others would append behind them.
    must_cut: bool,
    is_locked: bool,
    /// Whether what was written before is not in this file, which nobody was told yet.
    begins_anew: bool,
    /// Whether what stands before `length` is a line without an end, of another program.
    must_end_line: bool,
}

impl AuditFile {
    /// Opens the file, makes it (0600 whatever the umask) where it is missing, and cuts off a last line that a crash
    /// left unfinished.
    ///
    /// # Errors
    /// If it cannot be an audit log.
    pub(crate) fn open(path: &Path, make_folder: bool) -> Result<(Self, Tail), AuditFileError> {
        Self::open_with(path, make_folder, Box::new(|file| Box::new(file)))
    }

    /// Like [`Self::open`], with another medium.
    ///
    /// # Errors
    /// If it cannot be an audit log.
    pub(crate) fn open_with(path: &Path, make_folder: bool, wrap: Wrap) -> Result<(Self, Tail), AuditFileError> {
        let folder_error = |source| AuditFileError::Folder { path: path.to_owned(), source };
        let folder = files::folder_of(path);
        if make_folder {
            private_folders().create(folder).map_err(folder_error)?;
        } else {
            fs::metadata(folder).map_err(folder_error)?;
        }
        let file = open_private(path)?;
        lock(&file, path)?;
        let open_error = |source| AuditFileError::Open { path: path.to_owned(), source };
        let (path, medium) = (path.to_owned(), wrap(file));
        let mut file = Self {
            path,
            medium,
            wrap,
            length: 0,
            must_cut: false,
            is_locked: true,
            begins_anew: false,
            must_end_line: false,
        };
        let tail = file.look_at_end().map_err(open_error)?;
        file.release();
        Ok((file, tail))
    }

    /// Where the last whole line ends.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// A handle of its own on the open file, which stays good where the file is moved or deleted.
    ///
    /// # Errors
    /// If the system has none.
    pub(crate) fn reader(&self) -> io::Result<File> {
        self.medium.file().try_clone()
    }

    /// Gets the file ready for an append, and for this instance alone until [`Self::release`]: undoes an append that
    /// failed, and looks whether the path is still this file and what others have appended.
    ///
    /// # Errors
    /// If nothing can be appended now.
    pub(crate) fn ready(&mut self) -> io::Result<Ready> {
        self.hold()?;
        match self.look() {
            Ok(()) if std::mem::take(&mut self.begins_anew) => Ok(Ready::BeginsAnew),
            Ok(()) => Ok(Ready::Continues),
            Err(error) => {
                self.release();
                Err(error)
            }
        }
    }

    /// Lets others append. After each [`Self::ready`], and after the appends.
    pub(crate) fn release(&mut self) {
        if self.is_locked && !self.must_cut {
            // Where it cannot be given back, it is kept: that is seen by the others, who say so.
            self.is_locked = self.medium.file().unlock().is_err();
        }
    }

    /// The last event of the file. Only between [`Self::ready`] and [`Self::release`] it stays the last.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn last_event(&self) -> io::Result<Option<Box<Event>>> {
        Ok(tail::read(self.medium.file())?.last)
    }

    fn hold(&mut self) -> io::Result<()> {
        if !self.is_locked {
            lock(self.medium.file(), &self.path).map_err(io::Error::other)?;
            self.is_locked = true;
        }
        Ok(())
    }

    fn look(&mut self) -> io::Result<()> {
        if self.must_cut {
            self.cut_back()?;
        }
        if !is_at(self.medium.file(), &self.path)? {
            return self.open_anew();
        }
        let length = self.medium.file().metadata()?.len();
        let was_cut = length < self.length;
        if was_cut {
            tracing::warn!(path = %self.path.display(), expected = self.length, length, "another program cut the audit log");
            self.begins_anew = true;
        }
        if length != self.length {
            self.look_at_end()?;
        }
        Ok(())
    }

    /// Finds where the last whole line ends, and cuts off what a crash left behind it.
    fn look_at_end(&mut self) -> io::Result<Tail> {
        let tail = tail::read(self.medium.file())?;
        self.length = tail.length;
        self.must_end_line = tail.is_foreign;
        if tail.torn > 0 {
            tracing::warn!(path = %self.path.display(), bytes = tail.torn, "the audit log ended in the middle of a line, which is cut off");
            self.must_cut = true;
            self.cut_back()?;
        }
        Ok(tail)
    }

    /// Appends whole lines and waits until they are on disk: all of them or none.
    ///
    /// # Errors
    /// If they are not; the file is as before then, or will be made so before the next append.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let before = self.length;
        let written = self.write_all(lines).and_then(|()| self.medium.sync());
        if let Err(error) = written {
            self.length = before;
            self.must_cut = true;
            // Where this fails, `ready` tries again; the first error is the one to tell.
            let _ = self.cut_back();
            return Err(error);
        }
        self.must_end_line = false;
        Ok(())
    }

    fn write_all(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.must_end_line {
            self.write_part(b"\n")?;
        }
        self.write_part(lines)
    }

    fn write_part(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.medium.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    self.length += u64::try_from(count).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn cut_back(&mut self) -> io::Result<()> {
        self.medium.cut(self.length)?;
        self.must_cut = false;
        Ok(())
    }

    fn open_anew(&mut self) -> io::Result<()> {
        tracing::info!(path = %self.path.display(), "the audit log was moved away or deleted: a new one begins");
        let file = open_private(&self.path).map_err(io::Error::other)?;
        lock(&file, &self.path).map_err(io::Error::other)?;
        // Not by dropping it: whoever still reads it for the database shares the lock.
        if self.is_locked {
            let _ = self.medium.file().unlock();
        }
        (self.medium, self.is_locked, self.must_cut) = ((self.wrap)(file), true, false);
        self.begins_anew = true;
        self.look_at_end().map(drop)
    }
}

/// Opens or makes the file. A new name lasts through a power cut only once its folder is synced.
fn open_private(path: &Path) -> Result<File, AuditFileError> {
    let open_error = |source| AuditFileError::Open { path: path.to_owned(), source };
    match fs::metadata(path) {
        // A pipe or a device would block, or forget.
        Ok(metadata) if !metadata.is_file() => return Err(AuditFileError::NotAFile(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(open_error(error)),
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(open_error)?;
    files::close_to_others(path).map_err(open_error)?;
    files::sync_folder(path).map_err(open_error)?;
    Ok(file)
}

/// Waits for the lock. There is no call that waits for a limited time.
fn lock(file: &File, path: &Path) -> Result<(), AuditFileError> {
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(path = %path.display(), %error, "the audit log cannot be locked: see that no other instance writes it");
                return Ok(());
            }
        }
    }
    Err(AuditFileError::Held(path.to_owned()))
}

fn private_folders() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Whether the path leads to that open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let there = match fs::metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let here = file.metadata()?;
    Ok((here.dev(), here.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}
