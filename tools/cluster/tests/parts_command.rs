//! The command that runs another beside the parts.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

fn parts(script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parts"));
    command.args(["--", "bash", "-c", script]);
    command
}

/// No process that `pids` names is left.
fn assert_gone(pids: &str) {
    for pid in pids.split_whitespace() {
        assert!(!Path::new("/proc").join(pid).exists(), "{pid} is left");
    }
}

#[test]
fn a_command_finds_the_parts_and_nothing_is_left_behind() {
    let script = "test -n \"$TEST_PARTS_POSTGRES\" && test -n \"$TEST_PARTS_REDIS\" && \
                  test -n \"$TEST_PARTS_REDIS_CLUSTER\" && test -n \"$TEST_PARTS_SQS\" || exit 9; \
                  cat /proc/$PPID/task/*/children; exit 7";
    let output = parts(script).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let pids = String::from_utf8(output.stdout).unwrap();
    assert!(pids.split_whitespace().count() >= 10, "{pids}");
    assert_gone(&pids);
}

#[test]
fn a_signal_ends_the_command_and_the_parts() {
    let output =
        parts("cat /proc/$PPID/task/*/children; kill -TERM $PPID; while :; do sleep 0.1; done").output().unwrap();
    assert_eq!(output.status.code(), Some(128 + 15), "{output:?}");
    assert_gone(&String::from_utf8(output.stdout).unwrap());
}
