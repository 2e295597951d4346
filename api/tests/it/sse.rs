//! A client of server-sent events, after the standard's section 9.2.6.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: Option<i32>,
    pub name: String,
    pub data: Value,
}

impl Event {
    /// Its step and status.
    pub fn what(&self) -> String {
        format!(
            "{}:{}",
            self.data["step"].as_str().unwrap_or_default(),
            self.data["status"].as_str().unwrap_or_default()
        )
    }
}

/// An open stream.
pub struct Stream {
    response: Response,
    text: String,
    /// When to come back, in milliseconds.
    pub retry: Option<u64>,
    /// What is to be sent when coming back.
    pub last: Option<i32>,
    /// Whether the server ended it in an orderly way; a connection that broke did not.
    pub ended: bool,
}

impl Stream {
    /// Open one, behind `last`.
    pub async fn open(request: RequestBuilder, last: Option<i32>) -> Self {
        let request = request.timeout(PATIENCE * 5);
        let request = match last {
            Some(last) => request.header("Last-Event-ID", last.to_string()),
            None => request,
        };
        let response = request.send().await.expect("the service answers");
        assert_eq!(response.status(), 200, "{response:?}");
        let header = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!(header("content-type"), "text/event-stream");
        assert!(header("cache-control").contains("no-store"), "{response:?}");
        assert_eq!(header("x-accel-buffering"), "no");
        assert!(!response.headers().contains_key("content-encoding"));
        Self {
            response,
            text: String::new(),
            retry: None,
            last,
            ended: false,
        }
    }

    /// The next event, or nothing at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        timeout(PATIENCE, self.read()).await.expect("an event, or the end")
    }

    /// The next event that is `what`, and all before it.
    pub async fn until(&mut self, what: &str) -> Vec<Event> {
        let mut seen = Vec::new();
        loop {
            let event = self.next().await;
            seen.push(event.unwrap_or_else(|| panic!("{what} does not come behind {seen:?}")));
            if seen.last().is_some_and(|event| event.what() == what) {
                return seen;
            }
        }
    }

    /// What comes until the stream ends.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut seen = Vec::new();
        while let Some(event) = self.next().await {
            seen.push(event);
        }
        seen
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(event) = self.event(&block) {
                    return Some(event);
                }
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.text += std::str::from_utf8(&bytes).unwrap(),
                Ok(None) => {
                    assert_eq!(self.text, "", "no event is cut off by an orderly end");
                    self.ended = true;
                    return None;
                }
                Err(_) => return None,
            }
        }
    }

    fn event(&mut self, block: &str) -> Option<Event> {
        let (mut id, mut name, mut data) = (None, None, Vec::new());
        for line in block.lines() {
            match line.split_once(": ").unwrap_or((line, "")) {
                ("id", text) => id = Some(text.parse().unwrap()),
                ("event", text) => name = Some(text.to_owned()),
                ("data", text) => data.push(text.to_owned()),
                ("retry", text) => self.retry = Some(text.parse().unwrap()),
                (":", _) => {}
                other => panic!("{other:?} is no line of an event"),
            }
        }
        self.last = id.or(self.last);
        // Without data nothing is dispatched.
        (!data.is_empty()).then(|| Event {
            id,
            name: name.unwrap_or_else(|| "message".to_owned()),
            data: serde_json::from_str(&data.join("\n")).unwrap(),
        })
    }
}
