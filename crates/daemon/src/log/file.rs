//! Log files of bounded size: `opsbro.log`, then `opsbro.log.1` … `.N`, the oldest removed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use model::limits;

/// The current log file and those before it.
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
    bytes_max: u64,
}

impl LogFile {
    /// Names the file; it is opened with the first line.
    pub(super) fn new(directory: &Path, bytes_max: u64) -> Self {
        Self {
            path: directory.join("opsbro.log"),
            file: None,
            bytes: 0,
            bytes_max,
        }
    }

    /// Writes a line. A failure loses this line only; the next one opens the file again.
    pub(super) fn write(&mut self, line: &str) -> std::io::Result<()> {
        if self.bytes >= self.bytes_max {
            self.rotate();
        }
        if !self.is_in_place() {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut options = OpenOptions::new();
                let file = options
                    .append(true)
                    .create(true)
                    .mode(0o640)
                    .open(&self.path)?;
                self.bytes = file.metadata()?.len();
                self.file.insert(file)
            }
        };
        let outcome = writeln!(file, "{line}");
        match outcome {
            Ok(()) => self.bytes += line.len() as u64 + 1,
            Err(_) => self.file = None,
        }
        outcome
    }

    /// Tells whether the open file is the one that the name leads to: somebody may have moved it
    /// away, as logrotate does, or removed it to get space back.
    fn is_in_place(&self) -> bool {
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let open = self.file.as_ref().map(|file| file.metadata().map(identity));
        match (open, std::fs::metadata(&self.path).map(identity)) {
            (Some(Ok(open)), Ok(named)) => open == named,
            _ => false,
        }
    }

    fn rotate(&mut self) {
        self.file = None;
        self.bytes = 0;
        // A rename that fails leaves a file that is a little too large: better than no log.
        for age in (1..limits::LOG_FILES_MAX).rev() {
            drop(std::fs::rename(self.aged(age), self.aged(age + 1)));
        }
        drop(std::fs::rename(&self.path, self.aged(1)));
    }

    fn aged(&self, age: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{age}"));
        PathBuf::from(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_rotated_by_size_and_the_oldest_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = LogFile::new(directory.path(), 10);
        for number in 0..20 {
            file.write(&format!("line {number:04}")).unwrap();
        }
        let mut names: Vec<_> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), 1 + limits::LOG_FILES_MAX);
        let newest = std::fs::read_to_string(directory.path().join("opsbro.log")).unwrap();
        assert_eq!(newest, "line 0019\n");
    }

    #[test]
    fn a_file_that_was_moved_away_or_removed_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("opsbro.log");
        let moved = directory.path().join("moved");
        let mut file = LogFile::new(directory.path(), 1_000);
        file.write("before").unwrap();
        std::fs::rename(&path, &moved).unwrap();
        file.write("after").unwrap();
        assert_eq!(std::fs::read_to_string(&moved).unwrap(), "before\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after\n");
        std::fs::remove_file(&path).unwrap();
        file.write("again").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "again\n");
    }

    #[test]
    fn a_folder_that_comes_late_is_used_when_it_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let late = directory.path().join("late");
        let mut file = LogFile::new(&late, 1_000);
        assert!(file.write("lost").is_err());
        std::fs::create_dir(&late).unwrap();
        file.write("kept").unwrap();
        assert_eq!(
            std::fs::read_to_string(late.join("opsbro.log")).unwrap(),
            "kept\n"
        );
    }
}
