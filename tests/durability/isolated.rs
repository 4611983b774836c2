//! A test in a mount namespace of its own, where it may mount file systems that nobody else sees and that end with it.
//!
//! The test program runs itself again under `unshare`, as root by `-m`, else as root of a user namespace. Where the
//! system allows neither, the test fails and says so.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// Set in the inner run.
const INSIDE: &str = "LLM_PROXY_TEST_INSIDE";

/// Runs `body` in a new namespace. `module` is the caller's `module_path!()`, `name` its own.
pub(super) fn isolated(module: &str, name: &str, body: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return body();
    }
    let flags = if rustix::process::geteuid().is_root() { "-m" } else { "-rm" };
    let possible = Command::new("unshare").args([flags, "true"]).output();
    assert!(
        possible.as_ref().is_ok_and(|output| output.status.success()),
        "this test mounts file systems of its own, and `unshare {flags}` is refused here ({possible:?}): run it as root \
         with the right to mount, or allow user namespaces"
    );
    // A test's name in the program begins below the crate.
    let (_crate, path) = module.split_once("::").unwrap();
    let output = Command::new("unshare")
        .args([flags, "--propagation", "private", "timeout", "-k", "5", "240"])
        .arg(env::current_exe().unwrap())
        .args([&format!("{path}::{name}"), "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // Marked, so that whoever counts results does not count this one twice.
    for line in [output.stdout, output.stderr].iter().flat_map(|said| said.split(|byte| *byte == b'\n')) {
        println!("| {}", String::from_utf8_lossy(line));
    }
    assert!(output.status.success(), "it failed in its namespace ({}): see above", output.status);
}

/// Runs `mount` with these arguments and a folder.
pub(super) fn mount(arguments: &[&str], folder: &Path) {
    let output = Command::new("mount").args(arguments).arg(folder).output().unwrap();
    assert!(output.status.success(), "mount {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
