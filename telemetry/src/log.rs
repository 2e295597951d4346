use std::{
    error::Error,
    fmt,
    io::{self, IsTerminal},
    str::FromStr,
};

use crate::trace::{TraceOptions, Traces};
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::LevelFilter,
    fmt::{
        FmtContext, FormatEvent, FormattedFields, MakeWriter,
        format::{JsonFields, Writer},
        layer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// How a process logs; `LOG_LEVEL` and `LOG_FORMAT` of its environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// What is logged at all.
    pub level: LogLevel,
    /// What a line looks like.
    pub format: LogFormat,
}

/// Write the log of this process to standard output, and send its traces to where the options say.
///
/// The first call counts; a later one changes nothing, so that tests may share a process. What is returned sends the
/// rest of the traces when it is [ended](Traces::end).
#[must_use = "the last traces are sent when it is ended"]
pub fn start(service: &'static str, log: &LogOptions, traces: &TraceOptions) -> Traces {
    let traces = Traces::new(service, traces);
    let filter = log.level.filter();
    let lines = match log.format {
        LogFormat::Json => json(service, io::stdout).boxed(),
        LogFormat::Pretty => layer().with_ansi(io::stdout().is_terminal()).boxed(),
    };
    // Each has a filter of its own: what is not logged may be traced.
    let registry = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(traces.layer());
    // A second subscriber is refused; the first stays.
    let _already = registry.try_init();
    traces
}

/// Write the log of this process to standard output, without traces; see [`start`].
pub fn init(service: &'static str, options: &LogOptions) {
    drop(start(service, options, &TraceOptions::default()));
}

/// `LOG_LEVEL`: one level (`info`), or levels by module (`info,sqlx=debug`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel(String);

/// Libraries that tell at `info` what only their authors ask for; a level by module overrides it.
const QUIET: &str = "hyper=warn,opentelemetry=warn,opentelemetry_sdk=warn,opentelemetry-otlp=warn,sqlx=warn,sea_orm_migration=warn,temporalio_sdk_core=warn,tower=warn";

impl LogLevel {
    fn filter(&self) -> EnvFilter {
        let Self(level) = self;
        // Later directives win over earlier ones of the same target.
        EnvFilter::try_new(format!("{QUIET},{level}")).expect("both halves were parsed before")
    }
}

impl Default for LogLevel {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

/// A text that is no log level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no log level: error, warn, info, debug, trace, or levels by module (info,sqlx=debug)")]
pub struct UnknownLevel(String);

impl FromStr for LogLevel {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let level = text.trim();
        // The filter takes a bare word for the name of a module, and no word at all for `error`.
        let says_a_level = |directive: &str| {
            directive.contains('=') || !directive.is_empty() && directive.parse::<LevelFilter>().is_ok()
        };
        if !level.split(',').all(says_a_level) || EnvFilter::try_new(level).is_err() {
            return Err(UnknownLevel(text.to_owned()));
        }
        Ok(Self(level.to_owned()))
    }
}

/// `LOG_FORMAT`: what a line of the log looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// Text with colours where there is a terminal, for people.
    Pretty,
}

/// A text that is no log format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no log format: json or pretty")]
pub struct UnknownFormat(String);

impl FromStr for LogFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(UnknownFormat(text.to_owned())),
        }
    }
}

fn json<S, W>(service: &'static str, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    layer()
        .fmt_fields(JsonFields::new())
        .event_format(JsonLines { service })
        .with_writer(writer)
}

/// One object a line: the fields of the event, then those of its spans, all on the top level.
///
/// A field of the event wins over one of a span, an inner span over an outer one.
struct JsonLines {
    service: &'static str,
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let metadata = event.metadata();
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), timestamp.into());
        line.insert(
            "level".to_owned(),
            metadata.level().as_str().to_ascii_lowercase().into(),
        );
        line.insert("service".to_owned(), self.service.into());
        line.insert("target".to_owned(), metadata.target().into());
        for span in ctx.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<FormattedFields<JsonFields>>() else {
                continue;
            };
            // A span without fields has an empty text.
            if let Ok(fields) = serde_json::from_str::<Map<String, Value>>(&fields.fields) {
                fields
                    .into_iter()
                    .for_each(|(name, value)| put(&mut line, &name, value));
            }
        }
        event.record(&mut Fields(&mut line));
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Names that only the line itself may fill.
const RESERVED: [&str; 3] = ["timestamp", "level", "service"];

fn put(line: &mut Map<String, Value>, name: &str, value: Value) {
    let name = match name {
        // What the `log` bridge adds; only the origin is worth a reader's time.
        "log.target" => "target",
        // And what only traces need.
        _ if name.starts_with("log.") || name.starts_with("otel.") => return,
        _ if RESERVED.contains(&name) => return,
        _ => name.strip_prefix("r#").unwrap_or(name),
    };
    line.insert(name.to_owned(), value);
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        put(self.0, field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        put(self.0, field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        put(self.0, field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        put(self.0, field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        put(self.0, field.name(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let chain = std::iter::successors(Some(value), |&error| error.source());
        let text: Vec<String> = chain.map(ToString::to_string).collect();
        put(self.0, field.name(), text.join(": ").into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        put(self.0, field.name(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests;
