//! A folder below which nothing answers, for a process that may mount nothing.
//!
//! A library that is loaded before the others takes the calls that look at files, and does not
//! return from those that look below that folder.

use std::path::Path;
use std::process::Command;

/// Names the folder to the library.
pub(crate) const VARIABLE: &str = "WEDGED_FOLDER";

/// The library. It goes straight to the kernel, so it needs nothing of the one that it hides.
const SOURCE: &str = r#"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HERE -100 /* AT_FDCWD */

static void wedge(const char *path) {
    const char *folder = getenv("WEDGED_FOLDER");
    if (folder && path && strncmp(path, folder, strlen(folder)) == 0)
        for (;;) pause();
}

#define OPEN(name)                                                  \
    int name(const char *path, int flags, ...) {                    \
        va_list more;                                               \
        va_start(more, flags);                                      \
        int mode = va_arg(more, int);                               \
        va_end(more);                                               \
        wedge(path);                                                \
        return syscall(SYS_openat, HERE, path, flags, mode);        \
    }
OPEN(open)
OPEN(open64)

int statx(int at, const char *path, int flags, unsigned mask, void *to) {
    wedge(path);
    return syscall(SYS_statx, at, path, flags, mask, to);
}
"#;

/// Makes the library in a folder, and gives its path.
pub(crate) fn library(folder: &Path) -> String {
    let (source, library) = (folder.join("wedge.c"), folder.join("wedge.so"));
    std::fs::File::create(&source)
        .and_then(|mut file| std::io::Write::write_all(&mut file, SOURCE.as_bytes()))
        .expect("a file is written");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]);
    compiler.arg(&library).arg(&source);
    let output = compiler
        .output()
        .expect("what links Rust programs is there");
    assert!(output.status.success(), "{output:?}");
    library.to_str().expect("our own folder").to_owned()
}
