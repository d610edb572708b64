//! The memory limit.

use std::ptr::NonNull;

use wasmer::sys::vm::{
    MemoryError, MemoryStyle, TableStyle, VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition,
};
use wasmer::sys::{BaseTunables, NativeEngineExt, Tunables};
use wasmer::{Engine, MemoryType, Pages, TableType};

/// Linear memory comes in pages of this size.
const PAGE_BYTES: u64 = 64 << 10;

/// Has instances of `engine` grow to `bytes` and no further.
pub(crate) fn limit_memory(engine: &mut Engine, bytes: u64) {
    let most = u32::try_from(bytes / PAGE_BYTES).unwrap_or(u32::MAX);
    engine.set_tunables(Limited { base: BaseTunables::new(), most: Pages(most) });
}

/// Wasmer's own choices, but for the memory's maximum.
struct Limited {
    base: BaseTunables,
    most: Pages,
}

impl Limited {
    fn limited(&self, memory: &MemoryType) -> MemoryType {
        let maximum = memory.maximum.unwrap_or(self.most).min(self.most);
        MemoryType { maximum: Some(maximum), ..*memory }
    }
}

impl Tunables for Limited {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        self.base.memory_style(memory)
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        self.base.table_style(table)
    }

    fn create_host_memory(
        &self,
        memory: &MemoryType,
        style: &MemoryStyle,
    ) -> Result<VMMemory, MemoryError> {
        self.base.create_host_memory(&self.limited(memory), style)
    }

    unsafe fn create_vm_memory(
        &self,
        memory: &MemoryType,
        style: &MemoryStyle,
        definition: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        // SAFETY: passed on as it came.
        unsafe { self.base.create_vm_memory(&self.limited(memory), style, definition) }
    }

    fn create_host_table(&self, table: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        self.base.create_host_table(table, style)
    }

    unsafe fn create_vm_table(
        &self,
        table: &TableType,
        style: &TableStyle,
        definition: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        // SAFETY: passed on as it came.
        unsafe { self.base.create_vm_table(table, style, definition) }
    }
}
