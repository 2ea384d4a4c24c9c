//! File systems of their own for a test: mounted with root's help, unmounted whatever happens.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::say;

/// A mounted file system.
pub(crate) struct Mount {
    point: tempfile::TempDir,
}

impl Mount {
    /// Mounts a file system in memory of this size.
    pub(crate) fn tmpfs(bytes: u64) -> Result<Self, String> {
        Self::new(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
    }

    /// Mounts the ext4 image in a file; its journal is replayed as after a power loss.
    pub(crate) fn image(image: &Path) -> Result<Self, String> {
        Self::new(&["-t", "ext4", "-o", "loop", &image.to_string_lossy()])
    }

    pub(crate) fn path(&self) -> &Path {
        self.point.path()
    }

    fn new(args: &[&str]) -> Result<Self, String> {
        let point = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = point.path().to_string_lossy().into_owned();
        run("mount", &[args, &[&path]].concat())?;
        Ok(Self { point })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let point = self.point.path().to_string_lossy().into_owned();
        // A file that is still open would keep it: then it goes when that is closed.
        let _ = run("umount", &[&point]).or_else(|_| run("umount", &["--lazy", &point]));
    }
}

/// Makes an empty ext4 image of this size in a file.
pub(crate) fn make_image(path: &Path, bytes: u64) -> Result<(), String> {
    let file = std::fs::File::create(path).map_err(|error| error.to_string())?;
    file.set_len(bytes).map_err(|error| error.to_string())?;
    run(
        "mkfs.ext4",
        &["-q", "-F", "-J", "size=4", &path.to_string_lossy()],
    )
}

/// Gives a directory for images: in memory where there is room, which makes syncs cheap.
pub(crate) fn image_dir() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    tempfile::tempdir_in(memory).unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Says that a test cannot run here; under `CI=true` that is a failure.
pub(crate) fn skip(test: &str, reason: &str) {
    let text = format!("{test} needs root and mounts: {reason}");
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{text}");
    say(&format!("skipped: {text}"));
}

fn run(program: &str, args: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(args)
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}
