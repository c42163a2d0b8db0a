//! `sobjectd dev`: in any folder, with nothing beside the binary.

use std::process::Command;

use crate::harness::output;

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_counted_to_the_last_record_in_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sobjectd"));
    command.args(["dev", "--sample", "300"]).current_dir(folder.path()).env_clear();
    // The admin listener of another test may have the default's port.
    command.env("SOBJECTD__ADMIN__LISTEN", "127.0.0.1:0");
    let output = output(&mut command).await;
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}\n{errors}");
    assert!(said.contains("rows per write call"), "{said}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "and nothing is left there");
}
