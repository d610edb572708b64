//! `_host.call`, natively.

use std::cell::RefCell;
use std::ffi::CString;

use pyo3::exceptions::{PyMemoryError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wasmfit_kit::protocol::{Failure, FailureKind};
use wasmfit_kit::{DRIVER, OUT_OF_MEMORY, Session};

/// What the driver calls. Of one thread, as the session is.
#[pyclass(unsendable)]
struct Door {
    session: RefCell<Option<Session>>,
}

#[pymethods]
impl Door {
    fn call<'py>(
        &self,
        python: Python<'py>,
        message: &Bound<'py, PyBytes>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let over = || PyRuntimeError::new_err("the job is over");
        let mut session = self.session.borrow_mut();
        let answer = session.as_mut().ok_or_else(over)?.answer(message.as_bytes());
        Ok(PyBytes::new(python, &answer.map_err(|_| over())?))
    }
}

/// Runs the driver until its loop ends.
pub(crate) fn serve(python: Python<'_>, session: Session) -> PyResult<(Session, Option<Failure>)> {
    let door = Bound::new(python, Door { session: RefCell::new(Some(session)) })?;
    let code = CString::new(DRIVER)?;
    let driver = PyModule::from_code(python, &code, c"wasmfit driver", c"wasmfit_driver")?;
    let ended = driver.getattr("serve")?.call1((door.getattr("call")?,));
    // The driver reports what a workload raises; what it raises itself means
    // that it could not.
    let trouble = ended.err().map(|error| {
        if error.is_instance_of::<PyMemoryError>(python) {
            let message = format!("{error}{OUT_OF_MEMORY}");
            return Failure::new(FailureKind::Memory, "guest", message);
        }
        Failure::new(FailureKind::Runner, "guest", format!("the driver failed: {error}"))
    });
    let session = door.borrow().session.take();
    session
        .map(|session| (session, trouble))
        .ok_or_else(|| PyRuntimeError::new_err("the session was lost"))
}
