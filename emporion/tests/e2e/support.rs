//! A venue as a child process, commands run to their end, and requests over plain sockets.

use emporion_api::signing::{Query, Signer};
use emporion_edge::Clock;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a venue may take to answer, on a machine that does other things too.
const READY_MAX: Duration = Duration::from_secs(60);

/// The binary with a clean environment.
pub(crate) fn emporion(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emporion"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("EMPORION_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    emporion(arguments).output().unwrap()
}

/// Runs a command that works, and reads what it prints under `--json`.
#[track_caller]
pub(crate) fn json(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs a command that is refused: the exit code and the sentence are these, and nothing is printed.
#[track_caller]
pub(crate) fn refused(arguments: &[&str], exit: i32, sentence: &str) {
    check_refusal(&run(arguments), exit, sentence);
}

/// The last line on standard error holds `sentence`, and standard output is empty.
#[track_caller]
pub(crate) fn check_refusal(output: &Output, exit: i32, sentence: &str) {
    let stderr = stderr(output);
    let last = stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("emporion: ") && last.contains(sentence), "expected {sentence:?} in {stderr}");
    assert_eq!(output.status.code(), Some(exit), "{stderr}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder for one test's venue.
pub(crate) struct Folder {
    scratch: TempDir,
    data: PathBuf,
    /// What the names of its accounts begin with.
    prefix: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let data = scratch.path().join("data");
        Self { scratch, data, prefix: String::new() }
    }

    /// For a venue that runs already, with its data folder elsewhere, and names of accounts that nobody else uses.
    pub(crate) fn beside(data: &Path, prefix: &str) -> Self {
        Self { data: data.to_owned(), prefix: prefix.to_owned(), ..Self::new() }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A path in it, as text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The venue's data folder, as text.
    pub(crate) fn data(&self) -> String {
        self.data.display().to_string()
    }

    /// Writes a file and gives its path as text.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.text(name)
    }

    /// Audits the venue and gives the report. It must find nothing.
    #[track_caller]
    pub(crate) fn audit(&self) -> Value {
        let report = json(&["audit", "--data-dir", &self.data()]);
        for asset in report["assets"].as_array().unwrap() {
            let total = asset["total"].as_str().unwrap();
            assert!(total.bytes().all(|byte| b"0.".contains(&byte)), "{asset}");
        }
        assert_eq!(report["tablesRebuilt"], true, "{report}");
        report
    }
}

/// A venue that runs. It is killed when it is dropped, if it was started here.
pub(crate) struct Venue {
    child: Option<Child>,
    pub(crate) ready: Value,
    log: PathBuf,
}

impl Venue {
    /// On the folder's data, without limits.
    pub(crate) fn start(folder: &Folder) -> Self {
        Self::start_with(folder, &["--data-dir", &folder.data(), "--rate-limits", "off"])
    }

    /// With these arguments beside a free port and a ready file.
    #[track_caller]
    pub(crate) fn start_with(folder: &Folder, arguments: &[&str]) -> Self {
        let started = Self::try_start(folder, arguments);
        started.unwrap_or_else(|(exit, log)| panic!("the venue ended with {exit:?}: {log}"))
    }

    /// The same of a venue that may be refused: then its exit code and its log.
    pub(crate) fn try_start(folder: &Folder, arguments: &[&str]) -> Result<Self, (Option<i32>, String)> {
        let (ready, log) = (folder.path("ready.json"), folder.path("log"));
        let _ = fs::remove_file(&ready);
        let (port, file) = (["--listen", "127.0.0.1:0"], ["--ready-file", &ready.display().to_string()]);
        let mut command = emporion(&[&["serve"], &port[..], &file[..], arguments].concat());
        let child = command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let mut venue = Self { child: Some(child), ready: Value::Null, log };
        let until = Instant::now() + READY_MAX;
        while !ready.exists() {
            if let Some(status) = venue.child().try_wait().unwrap() {
                return Err((status.code(), venue.log()));
            }
            assert!(Instant::now() < until, "the venue is not ready: {}", venue.log());
            pause();
        }
        venue.ready = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
        Ok(venue)
    }

    /// One that somebody else started and stops, by its ready file.
    pub(crate) fn running(ready: Value) -> Self {
        Self { child: None, ready, log: PathBuf::new() }
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("it was started here")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it was started here").id()
    }

    /// Waits until everybody shows all that was committed. One process shows whoever asks at least what he was
    /// answered; processes that follow the sequencer do so each by itself.
    pub(crate) fn settle(&self) {
        let processes = self.ready["processes"].as_array().unwrap();
        // A process that is being started again is waited for.
        let metric = |role: &str, name: &str| -> Option<Vec<u64>> {
            let of_role = processes.iter().filter(|process| process["role"] == role);
            let numbers = of_role.map(|process| {
                let address = process["address"].as_str().unwrap();
                TcpStream::connect(address).ok()?;
                let text = request(address, "GET", "/metrics", &[]).1;
                let mut lines = text.as_str()?.lines();
                Some(lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok()))
            });
            Some(numbers.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
        };
        let committed = eventually(|| metric("sequencer", "sequencer_committed_seq")).into_iter().max();
        let Some(committed) = committed else { return };
        let is_shown = |shown: Vec<u64>| shown.iter().all(|seq| *seq >= committed);
        eventually(|| metric("market-data", "market_data_seq").filter(|shown| is_shown(shown.clone())).map(drop));
    }

    /// The host and port of the public API.
    pub(crate) fn address(&self) -> &str {
        self.ready["rest"].as_str().unwrap().trim_start_matches("http://")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child().kill().unwrap();
        self.child().wait().unwrap();
    }

    /// Stops it as an operator does; it must end without an error.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(told.success());
        let status = self.child().wait().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// Waits until it ends by itself: its exit code and its log.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let status = self.child().wait().unwrap();
        (status.code(), self.log())
    }

    /// An unsigned GET: the status and the body.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        request(self.address(), "GET", path, &[])
    }

    /// A GET that works.
    #[track_caller]
    pub(crate) fn get_ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        // It has ended already, or nobody needs it any more.
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Somebody with an API key.
pub(crate) struct Trader {
    pub(crate) api_key: String,
    pub(crate) secret_key: Option<String>,
    signer: Signer,
}

impl Trader {
    /// A new account, funded in each of `deposits` like `USDT=1000`.
    pub(crate) fn open(folder: &Folder, name: &str, deposits: &[&str]) -> Self {
        let (data, name) = (folder.data(), format!("{}{name}", folder.prefix));
        let mut arguments = vec!["account", "create", "--data-dir", &data, "--name", &name];
        arguments.extend(deposits.iter().flat_map(|deposit| ["--deposit", deposit]));
        let created = json(&arguments);
        let secret = created["secretKey"].as_str().unwrap();
        Self::hmac(created["apiKey"].as_str().unwrap(), secret)
    }

    /// With a key that exists.
    pub(crate) fn hmac(api_key: &str, secret: &str) -> Self {
        Self { api_key: api_key.to_owned(), secret_key: Some(secret.to_owned()), signer: Signer::hmac(secret) }
    }

    /// With a key of its own.
    pub(crate) fn ed25519(api_key: &str, private_pem: &str) -> Self {
        let signer = Signer::ed25519_pem(private_pem).unwrap();
        Self { api_key: api_key.to_owned(), secret_key: None, signer }
    }

    /// A signed request: the status and the body.
    pub(crate) fn send(&self, venue: &Venue, method: &str, path: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
        let query = parameters.iter().fold(Query::new(), |query, (name, value)| query.with(name, value));
        let query = query.with("timestamp", Clock::system().now().millis()).signed(&self.signer);
        request(venue.address(), method, &format!("{path}?{query}"), &[("X-MBX-APIKEY", &self.api_key)])
    }

    /// A signed request that works.
    #[track_caller]
    pub(crate) fn send_ok(&self, venue: &Venue, method: &str, path: &str, parameters: &[(&str, &str)]) -> Value {
        let (status, body) = self.send(venue, method, path, parameters);
        assert_eq!(status, 200, "{method} {path} {parameters:?}: {body}");
        body
    }

    /// A limit order on BTCUSDT that works.
    #[track_caller]
    pub(crate) fn limit(&self, venue: &Venue, side: &str, quantity: &str, price: &str) -> Value {
        let order = [("symbol", "BTCUSDT"), ("side", side), ("type", "LIMIT"), ("timeInForce", "GTC")];
        let order = [&order[..], &[("quantity", quantity), ("price", price)]].concat();
        self.send_ok(venue, "POST", "/api/v3/order", &order)
    }

    /// The free and the locked balance of an asset.
    pub(crate) fn balance(&self, venue: &Venue, asset: &str) -> (String, String) {
        let account = self.send_ok(venue, "GET", "/api/v3/account", &[]);
        let balances = account["balances"].as_array().unwrap();
        let balance = balances.iter().find(|balance| balance["asset"] == asset).unwrap();
        let text = |name: &str| balance[name].as_str().unwrap().to_owned();
        (text("free"), text("locked"))
    }
}

/// A request over a connection of its own: the status and the body as JSON, or as text where it is none.
pub(crate) fn request(address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut socket = TcpStream::connect(address).unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {path}: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)))
}

/// Between two looks at something that takes its time.
#[expect(clippy::disallowed_methods, reason = "another process gives no sign but its files and answers")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

/// Looks until `look` finds something.
#[track_caller]
pub(crate) fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + READY_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "it did not happen");
        pause();
    }
}

/// A file of the API crate's fixtures.
pub(crate) fn key_fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/src/signing/fixtures").join(name)
}
