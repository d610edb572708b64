//! Names of the code that V8 has made of the guest.
//!
//! V8 tells them to whoever registers for events of its code, and on
//! registering tells of all code that is there: `v8::Isolate::SetJitCodeEventHandler`
//! in `v8-isolate.h`, which Node exports as it does all of V8's interface.
//! It is asked once, when the guest has served, and so costs the guest
//! nothing. Code that was replaced by better code before then has no name.

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::mem::transmute;
use std::ops::Range;
use std::slice;

use wasmfit_kit::GuestCode;

/// `JitCodeEvent` of `v8-callbacks.h`, as far as it is the same for all events.
#[repr(C)]
struct CodeEvent {
    kind: i32,
    code_kind: i32,
    start: *const c_void,
    length: usize,
    script: *const c_void,
    user_data: *const c_void,
    wasm_source: *const c_void,
    name: *const u8,
    name_length: usize,
}

/// `JitCodeEvent::CODE_ADDED` and `WASM_CODE`.
const ADDED: i32 = 0;
const WASM: i32 = 2;

/// `kJitCodeEventDefault` and `kJitCodeEventEnumExisting`.
const DEFAULT: i32 = 0;
const EXISTING: i32 = 1;

type Handler = extern "C" fn(*const CodeEvent);
type CurrentIsolate = unsafe extern "C" fn() -> *mut c_void;
type SetHandler = unsafe extern "C" fn(*mut c_void, i32, Option<Handler>);

/// `v8::Isolate::GetCurrent()`.
const CURRENT_ISOLATE: &CStr = c"_ZN2v87Isolate10GetCurrentEv";
/// `v8::Isolate::SetJitCodeEventHandler(JitCodeEventOptions, JitCodeEventHandler)`.
const SET_HANDLER: &CStr =
    c"_ZN2v87Isolate22SetJitCodeEventHandlerENS_19JitCodeEventOptionsEPFvPKNS_12JitCodeEventEE";

thread_local! {
    /// What V8 has told so far.
    static TOLD: RefCell<Vec<Function>> = const { RefCell::new(Vec::new()) };
}

/// A compiled function.
struct Function {
    addresses: Range<usize>,
    name: String,
}

/// All compiled functions of the guest, by address.
struct Functions(Vec<Function>);

impl GuestCode for Functions {
    fn function_at(&self, address: usize) -> Option<String> {
        let after = self.0.partition_point(|it| it.addresses.start <= address);
        let found = self.0[..after].last().filter(|it| it.addresses.contains(&address));
        found.map(|it| it.name.clone())
    }
}

/// Asks V8 on the thread that runs it; none where this Node does not offer
/// that.
pub(crate) fn of_guest() -> Option<Box<dyn GuestCode>> {
    // SAFETY: the names are strings that end with a zero, and what they name in
    // this process is V8's own: functions of these types by the rules of C++
    // (Itanium ABI), where an object comes first among a method's arguments.
    let (current, set_handler) = unsafe {
        let current = libc::dlsym(libc::RTLD_DEFAULT, CURRENT_ISOLATE.as_ptr());
        let set_handler = libc::dlsym(libc::RTLD_DEFAULT, SET_HANDLER.as_ptr());
        if current.is_null() || set_handler.is_null() {
            return None;
        }
        (
            transmute::<*mut c_void, CurrentIsolate>(current),
            transmute::<*mut c_void, SetHandler>(set_handler),
        )
    };
    // SAFETY: on V8's own thread, which is in an isolate; the handler outlives
    // its registration, which ends at once.
    unsafe {
        let isolate = current();
        set_handler(isolate, EXISTING, Some(note));
        set_handler(isolate, DEFAULT, None);
    }
    let mut functions = TOLD.take();
    functions.sort_by_key(|it| it.addresses.start);
    (!functions.is_empty()).then(|| Box::new(Functions(functions)) as Box<dyn GuestCode>)
}

/// Notes a function of the guest's.
extern "C" fn note(event: *const CodeEvent) {
    // SAFETY: V8 hands over an event that is valid during this call.
    let event = unsafe { &*event };
    if event.kind != ADDED || event.code_kind != WASM || event.name.is_null() {
        return;
    }
    // SAFETY: of an event of added code, the name is this many bytes.
    let name = unsafe { slice::from_raw_parts(event.name, event.name_length) };
    let start = event.start as usize;
    let function = Function {
        addresses: start..start + event.length,
        name: of_guest_alone(&String::from_utf8_lossy(name)).to_owned(),
    };
    TOLD.with_borrow_mut(|told| told.push(function));
}

/// Without what V8 adds: a mark for all that is not its own, and in places the
/// function's index and tier, as in `JS:PyDict_New-1234-turbofan`.
fn of_guest_alone(name: &str) -> &str {
    let name = name.strip_prefix("JS:").unwrap_or(name);
    let tiers = ["liftoff", "turbofan"];
    let without_tier = name.rsplit_once('-').filter(|(_, tier)| tiers.contains(tier));
    let name_and_index = without_tier.and_then(|(rest, _)| rest.rsplit_once('-'));
    name_and_index.map_or(name, |(name, _)| name)
}
