//! The DevTools protocol over two pipes, as Chromium speaks it with
//! `--remote-debugging-pipe`: JSON texts with a zero byte behind each. No port
//! is taken, and a browser whose runner is gone ends.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::sync::mpsc::Sender;
use std::thread;

use serde_json::{Value, json};

use crate::browser::News;

/// The way to the browser.
#[derive(Debug)]
pub(crate) struct Devtools {
    orders: File,
    sent: u64,
}

/// A page or a worker that orders go to; none for the browser itself.
pub(crate) type SessionId = Option<String>;

impl Devtools {
    /// Sends orders to `orders`; what comes from `news` goes to `inbox`, and
    /// that the browser is gone.
    pub(crate) fn new(orders: File, news: File, inbox: Sender<News>) -> std::io::Result<Self> {
        let reader = thread::Builder::new().name("wasmfit-devtools".into());
        reader.spawn(move || {
            let texts = BufReader::new(news).split(0).map_while(Result::ok);
            for text in texts {
                let Ok(message) = serde_json::from_slice(&text) else { continue };
                if inbox.send(News::Devtools(message)).is_err() {
                    return;
                }
            }
            let _ = inbox.send(News::Gone);
        })?;
        Ok(Self { orders, sent: 0 })
    }

    /// Sends an order; its answer will carry the number returned.
    pub(crate) fn send(&mut self, to: &SessionId, method: &str, parameters: &Value) -> u64 {
        self.sent += 1;
        let mut order = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(id) = to {
            order["sessionId"] = json!(id);
        }
        let mut text = order.to_string().into_bytes();
        text.push(0);
        // A browser that is gone shows in what comes, or does not, from it.
        let _ = self.orders.write_all(&text);
        self.sent
    }
}
