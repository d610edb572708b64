//! What answers a guest's calls: the host's side of the driver's protocol,
//! with nothing of what a runner does besides.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What begins a failure's report.
const FAILURE: &[u8] = b"\0failure\n";

/// Where a driver's calls arrive.
#[derive(Debug)]
pub struct Door {
    orders: VecDeque<Arc<[u8]>>,
    burst: Option<Burst>,
    is_over: bool,
}

/// One request, many times.
#[derive(Debug)]
struct Burst {
    request: Arc<[u8]>,
    left: u64,
    has_served: bool,
    began: Instant,
    took: Duration,
}

impl Door {
    /// Ends whoever calls.
    #[must_use]
    pub fn closed() -> Self {
        Self { orders: VecDeque::new(), burst: None, is_over: false }
    }

    /// Has the workload imported and loaded.
    #[must_use]
    pub fn loading() -> Self {
        let import = [b"import ", FAILURE, b" /workload/workload.py"].concat();
        let orders = [import.into(), Arc::from(&b"load /workload/assets"[..])];
        Self { orders: orders.into(), ..Self::closed() }
    }

    /// Has `request` served `times` over.
    #[must_use]
    pub fn serving(request: &Arc<[u8]>, times: u64) -> Self {
        let order = format!("plain {times}").into_bytes();
        let (request, began) = (Arc::clone(request), Instant::now());
        let burst = Burst { request, left: times, has_served: false, began, took: Duration::ZERO };
        Self { orders: [order.into()].into(), burst: Some(burst), is_over: false }
    }

    /// The answer to a message of the driver.
    pub fn answer(&mut self, message: &[u8]) -> Arc<[u8]> {
        assert!(!message.starts_with(FAILURE), "{}", String::from_utf8_lossy(message));
        if let Some(order) = self.orders.pop_front() {
            if let Some(burst) = &mut self.burst {
                burst.began = Instant::now();
            }
            return order;
        }
        if let Some(burst) = &mut self.burst {
            if burst.left > 0 {
                burst.left -= 1;
                return Arc::clone(&burst.request);
            }
            burst.took = burst.began.elapsed();
            burst.has_served = !message.is_empty();
        }
        self.is_over = true;
        Arc::from(&b"stop"[..])
    }

    /// Whether the guest was told to stop: it did all else without a failure.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the requests were answered.
    #[must_use]
    pub fn has_served(&self) -> bool {
        self.burst.as_ref().is_some_and(|it| it.has_served)
    }

    /// How long the requests took, from the order to the last response.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.burst.as_ref().map_or(Duration::ZERO, |it| it.took)
    }
}
