//! A server that is killed and comes back.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use emporion_cluster::parts::{Child, Postgres as Server};
use emporion_ports::store::Journal;

use super::{assert_chain, ticks};
use crate::{Postgres, PostgresOptions, migrate};

/// How a server was started, read from the process itself.
struct Started {
    pid: i32,
    data: std::path::PathBuf,
    program: std::path::PathBuf,
    arguments: Vec<String>,
    owner: (u32, u32),
}

impl Started {
    fn find(server: &Server) -> Self {
        let data = server.sql("postgres", "show data_directory").unwrap();
        let pid = fs::read_to_string(format!("{data}/postmaster.pid")).unwrap().lines().next().unwrap().to_owned();
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        let owner = fs::metadata(&data).unwrap();
        Self {
            program: fs::read_link(format!("/proc/{pid}/exe")).unwrap(),
            arguments: arguments.split_terminator('\0').skip(1).map(str::to_owned).collect(),
            owner: (owner.uid(), owner.gid()),
            pid: pid.parse().unwrap(),
            data: data.into(),
        }
    }

    fn kill(&self) {
        assert!(Command::new("kill").args(["-9", &self.pid.to_string()]).status().unwrap().success());
    }

    /// Whether a process of the killed one still lives; they end as they notice.
    fn has_processes(&self) -> bool {
        let mut processes = fs::read_dir("/proc").unwrap().flatten();
        processes.any(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == self.data))
    }

    async fn restart(&self, server: &Server) -> Child {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(self.owner.0).gid(self.owner.1);
        }
        while self.has_processes() {
            pause().await;
        }
        // Its process id is still taken, by what is left of a child that nobody waits for; so its locks look held.
        command.args(["-c", "unix_socket_directories="]);
        fs::remove_file(self.data.join("postmaster.pid")).unwrap();
        let mut child = Child::start(&mut command).unwrap();
        for _ in 0..600 {
            if server.sql("postgres", "select 1").is_ok() {
                return child;
            }
            if !child.is_running() {
                child = Child::start(&mut command).unwrap();
            }
            pause().await;
        }
        panic!("the server did not come back")
    }
}

#[expect(clippy::disallowed_methods, reason = "the server does not tell when it is back")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Whatever was on the way is committed once, nothing acknowledged is lost, and the writer goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_go_on_after_the_server_was_killed() {
    let server = tokio::task::spawn_blocking(|| Server::start().unwrap()).await.unwrap();
    let url = server.database().unwrap();
    migrate(&url).await.unwrap();
    let journal = Postgres::open(PostgresOptions::new(url)).await.unwrap().journal();
    let mut head = journal.take_over().await.unwrap();
    let started = Started::find(&server);
    let (sender, mut committed) = tokio::sync::watch::channel(head);
    let writing = {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move {
            while !sender.is_closed() {
                let row = ticks(&head, 2);
                journal.commit(Arc::clone(&row)).await.unwrap();
                head = row.head();
                sender.send_replace(head);
            }
            head
        })
    };
    committed.wait_for(|head| head.seq.0 > 100).await.unwrap();
    started.kill();
    let _restarted = started.restart(&server).await;
    let back = committed.borrow().seq.0;
    committed.wait_for(|head| head.seq.0 > back + 100).await.unwrap();
    drop(committed);
    let head = writing.await.unwrap();
    assert_eq!(journal.head().await.unwrap(), head);
    assert_chain(&*journal, &head).await;
}
