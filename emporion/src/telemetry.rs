//! Logs on standard error, metrics for `/metrics`, and what a panic says.

use crate::Failure;
use crate::config::{Log, LogFormat};
use crate::output::is_watched;
use crate::progress::AboveBars;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use tracing_subscriber::EnvFilter;

/// Edges of the buckets for durations, in seconds: from what a memory access costs to what a client gives up
/// after.
const DURATION_BUCKETS_S: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Edges of the buckets for counts.
const COUNT_BUCKETS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0];

/// Starts logging for a process.
pub(crate) fn start_logs(log: &Log) {
    let is_text = match log.format {
        LogFormat::Auto => is_watched(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let filter = EnvFilter::builder().parse_lossy(&log.level);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| AboveBars).with_ansi(is_watched());
    // Telling of a failed write would be another write to the same place, whose failure is a panic.
    let builder = builder.log_internal_errors(false);
    // A second start in one process, as tests do, keeps the first one's logs.
    let _ = if is_text { builder.try_init() } else { builder.json().flatten_event(true).try_init() };
}

/// Logs of commands that answer and end: warnings only.
pub(crate) fn quiet_logs() {
    start_logs(&Log { level: "warn".to_owned(), format: LogFormat::Auto });
}

/// Starts counting for this process.
pub(crate) fn start_metrics() -> Result<PrometheusHandle, Failure> {
    let bug = |error| Failure::bug(format!("metrics cannot be counted: {error}"));
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATION_BUCKETS_S)
        .and_then(|builder| builder.set_buckets(COUNT_BUCKETS))
        .map_err(bug)?
        .install_recorder()
        .map_err(bug)
}

/// Makes every panic one log line; the program goes on or ends as its parts decide.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = message(panic);
        let backtrace = Backtrace::capture();
        tracing::error!(place, %backtrace, "A bug: the program broke one of its own rules: {message}");
    }));
}

fn message<'p>(panic: &'p PanicHookInfo<'_>) -> &'p str {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason was given")
}
