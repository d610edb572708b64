//! The lab's other end for a component: values that the host has ready, and
//! takes (boundary/component/lab.wit).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, WasmList};

const LAB: &str = "wasmfit:component/lab";

const ITEM_VALUES: usize = 8;

/// What a batch consists of.
#[derive(Clone, ComponentType, Lift, Lower)]
#[component(record)]
struct Item {
    number: u32,
    values: Arc<[f64]>,
}

/// Lists by how many numbers they hold, made when they are first asked for.
struct Prepared<T> {
    make: fn(u32) -> Arc<[T]>,
    made: Mutex<BTreeMap<u32, Arc<[T]>>>,
}

impl<T> Prepared<T> {
    fn new(make: fn(u32) -> Arc<[T]>) -> Self {
        Self { make, made: Mutex::default() }
    }

    fn of(&self, count: u32) -> Arc<[T]> {
        // One thread at a time: nobody leaves it half changed.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.entry(count).or_insert_with(|| (self.make)(count)))
    }
}

/// As `numbers` of boundary/workload.py has them: the values are the same to
/// the last bit.
fn numbers(count: u32) -> Arc<[f64]> {
    const PERIOD: usize = 1024;
    let mut state: u64 = 42;
    let step = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let base: Vec<f64> = std::iter::repeat_with(step).take(PERIOD).collect();
    base.into_iter().cycle().take(count as usize).collect()
}

fn bytes(count: u32) -> Arc<[u8]> {
    numbers(count).iter().flat_map(|it| it.to_le_bytes()).collect()
}

fn items(count: u32) -> Arc<[Item]> {
    let values = numbers(count);
    let items = (0..).zip(values.chunks(ITEM_VALUES));
    items.map(|(number, values)| Item { number, values: values.into() }).collect()
}

/// Adds it to what components may import. Bytes are looked at where the
/// component has them; of numbers and records that are taken, the host makes its
/// own, as hosts do that work with them.
pub(crate) fn add_to<T: 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    let mut lab = linker.instance(LAB)?;
    let held = Prepared::new(bytes);
    lab.func_wrap("hold-bytes", move |_: StoreContextMut<'_, T>, (count,): (u32,)| {
        Ok((held.of(count),))
    })?;
    let held = Prepared::new(numbers);
    lab.func_wrap("hold-floats", move |_: StoreContextMut<'_, T>, (count,): (u32,)| {
        Ok((held.of(count),))
    })?;
    let held = Prepared::new(items);
    lab.func_wrap("hold-items", move |_: StoreContextMut<'_, T>, (count,): (u32,)| {
        Ok((held.of(count),))
    })?;
    lab.func_wrap("take-bytes", |store: StoreContextMut<'_, T>, (values,): (WasmList<u8>,)| {
        let last = values.as_le_slice(&store).last_chunk().copied();
        Ok((last.map(f64::from_le_bytes),))
    })?;
    lab.func_wrap("take-floats", |_: StoreContextMut<'_, T>, (values,): (Vec<f64>,)| {
        Ok((values.last().copied(),))
    })?;
    lab.func_wrap("take-items", |_: StoreContextMut<'_, T>, (items,): (Vec<Item>,)| {
        Ok((items.last().and_then(|it| it.values.last().copied()),))
    })?;
    Ok(())
}
