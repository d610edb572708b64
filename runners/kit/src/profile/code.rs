//! The code in this process, and the names in it.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectSymbol, SymbolKind};
use wasmfit_protocol::Place;

/// Longest call instruction of x86-64, with prefixes.
const LONGEST_CALL: usize = 8;

/// What this process may execute, by address.
#[derive(Debug, Default)]
pub(super) struct CodeMap {
    mappings: Vec<Mapping>,
}

/// A stretch of executable memory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mapping {
    addresses: Range<usize>,
    /// Where it begins in its file.
    offset: u64,
    /// Its file, or what the system calls it; empty for anonymous memory.
    name: String,
}

impl CodeMap {
    /// What there is now.
    pub(super) fn read() -> Self {
        Self::parse(&fs::read_to_string("/proc/self/maps").unwrap_or_default())
    }

    fn parse(maps: &str) -> Self {
        Self { mappings: maps.lines().filter_map(Mapping::parse).collect() }
    }

    /// Whether code is mapped at `address`.
    pub(super) fn contains(&self, address: usize) -> bool {
        self.mapping(address).is_some()
    }

    fn mapping(&self, address: usize) -> Option<&Mapping> {
        let after = self.mappings.partition_point(|it| it.addresses.start <= address);
        self.mappings[..after].last().filter(|it| it.addresses.contains(&address))
    }

    /// Whether `address` is where a call returns to: behind a call
    /// instruction. What else lies on a stack seldom looks like that.
    pub(super) fn is_return_address(&self, address: usize) -> bool {
        let Some(mapping) = self.mapping(address) else { return false };
        let before = (address - mapping.addresses.start).min(LONGEST_CALL);
        // The last mappings are the kernel's own and may not be readable.
        if mapping.name.starts_with('[') || before < LONGEST_CALL {
            return false;
        }
        let from = address - LONGEST_CALL;
        if mapping.name.is_empty() {
            return read_if_there(from).is_some_and(ends_with_call);
        }
        let mut code = [0; LONGEST_CALL];
        // SAFETY: within a mapping of a file that held code when the map was
        // read and is neither unloaded (libraries of a running guest stay) nor
        // the kernel's; executable memory is readable on Linux.
        unsafe {
            std::ptr::copy_nonoverlapping(from as *const u8, code.as_mut_ptr(), LONGEST_CALL);
        }
        ends_with_call(code)
    }
}

/// Reads code that a compiler of this process has made, and may have taken
/// away since the map was read, as V8 does: the kernel refuses an address that
/// is not mapped, where a load would crash.
fn read_if_there(address: usize) -> Option<[u8; LONGEST_CALL]> {
    let mut code = [0; LONGEST_CALL];
    let local = libc::iovec { iov_base: code.as_mut_ptr().cast(), iov_len: LONGEST_CALL };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: LONGEST_CALL };
    // SAFETY: a system call that writes within `code`.
    let read = unsafe {
        libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0)
    };
    (usize::try_from(read) == Ok(LONGEST_CALL)).then_some(code)
}

impl Mapping {
    /// Reads a line of `/proc/self/maps`, where it is about code.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ').map(str::trim);
        let (start, end) = fields.next()?.split_once('-')?;
        let access = fields.next()?;
        let offset = u64::from_str_radix(fields.next()?, 16).ok()?;
        let name = fields.nth(2).unwrap_or_default();
        let address = |text| usize::from_str_radix(text, 16).ok();
        let addresses = address(start)?..address(end)?;
        access.contains('x').then(|| Self { addresses, offset, name: name.to_owned() })
    }
}

/// Whether `code` ends with a call, as far as its bytes tell (Intel SDM,
/// volume 2, `CALL`: `E8` with 32 bits, or `FF /2` with its operand).
#[cfg(target_arch = "x86_64")]
fn ends_with_call(code: [u8; LONGEST_CALL]) -> bool {
    let near = code[LONGEST_CALL - 5] == 0xe8;
    let indirect = |length: usize| {
        let instruction = &code[LONGEST_CALL - length..];
        let [opcode, operand] = [instruction[0], instruction[1]];
        let scale = instruction.get(2).copied().unwrap_or_default();
        opcode == 0xff && (operand >> 3) & 7 == 2 && length == indirect_call_length(operand, scale)
    };
    near || (2..LONGEST_CALL).any(indirect)
}

/// Length of `FF` with the byte `operand` and, where that asks for them, the
/// byte `scale` and a displacement (Intel SDM, volume 2, tables 2-2 and 2-3).
#[cfg(target_arch = "x86_64")]
fn indirect_call_length(operand: u8, scale: u8) -> usize {
    let (mode, register) = (operand >> 6, operand & 7);
    let scaled = mode != 3 && register == 4;
    let displacement = match mode {
        0 if register == 5 || (scaled && scale & 7 == 5) => 4,
        1 => 1,
        2 => 4,
        _ => 0,
    };
    2 + usize::from(scaled) + displacement
}

/// Whether `code` ends with a call: `BL` or `BLR` (Arm ARM, C6.2).
#[cfg(target_arch = "aarch64")]
fn ends_with_call(code: [u8; LONGEST_CALL]) -> bool {
    let last = u32::from_le_bytes([code[4], code[5], code[6], code[7]]);
    last >> 26 == 0b10_0101 || last & 0xffff_fc1f == 0xd63f_0000
}

/// Finds names, reading the symbols of an object when the first of its
/// addresses is asked for.
pub(super) struct Symbolizer<'a> {
    code: &'a CodeMap,
    debug_files: &'a [PathBuf],
    objects: BTreeMap<&'a str, SymbolTable>,
}

impl<'a> Symbolizer<'a> {
    pub(super) fn new(code: &'a CodeMap, debug_files: &'a [PathBuf]) -> Self {
        Self { code, debug_files, objects: BTreeMap::new() }
    }

    /// Which function is at `address`.
    pub(super) fn place(&mut self, address: usize) -> Place {
        let Some(mapping) = self.code.mapping(address) else {
            return Place { object: "[unmapped]".into(), symbol: None };
        };
        let object = match Path::new(&mapping.name).file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => "[anonymous]".into(),
        };
        let read = || SymbolTable::read(Path::new(&mapping.name), self.debug_files);
        let table = self.objects.entry(&mapping.name).or_insert_with(read);
        let offset = (address - mapping.addresses.start) as u64 + mapping.offset;
        Place { object, symbol: table.name_at_offset(offset) }
    }

    /// The objects asked for that carry no symbols of their own, by file name.
    pub(super) fn nameless(&self) -> Vec<String> {
        // The kernel's own, in brackets, have no file.
        let files = self.objects.iter().filter(|(path, _)| path.starts_with('/'));
        let nameless = files.filter(|(_, table)| !table.is_complete);
        let names = nameless.filter_map(|(path, _)| Path::new(path).file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }
}

/// The functions of an object.
#[derive(Debug, Default)]
struct SymbolTable {
    /// Of its loaded segments: offset in the file, length, address.
    segments: Vec<(u64, u64, u64)>,
    /// By address.
    functions: Vec<Function>,
    /// Whether internal functions have names too.
    is_complete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Function {
    address: u64,
    /// 0 where the object does not tell.
    bytes: u64,
    name: String,
}

impl SymbolTable {
    /// Reads an object's own symbols, or those of its debug file; failing both
    /// the names that it exports. Empty for what is no ELF file.
    fn read(path: &Path, debug_files: &[PathBuf]) -> Self {
        let Ok(data) = fs::read(path) else { return Self::default() };
        let Ok(file) = ElfFile64::<Endianness>::parse(&*data) else { return Self::default() };
        let endian = file.endian();
        let segments = file.elf_program_headers().iter().filter_map(|header| {
            let loaded = header.p_type(endian) == object::elf::PT_LOAD;
            loaded
                .then(|| (header.p_offset(endian), header.p_filesz(endian), header.p_vaddr(endian)))
        });
        let segments = segments.collect();
        let mut functions: Vec<Function> = functions(file.symbols());
        if functions.is_empty()
            && let Ok(Some(id)) = file.build_id()
        {
            functions =
                debug_files.iter().find_map(|folder| of_debug_file(folder, id)).unwrap_or_default();
        }
        let is_complete = !functions.is_empty();
        if !is_complete {
            functions = self::functions(file.dynamic_symbols());
        }
        functions.sort();
        functions.dedup_by_key(|function| function.address);
        Self { segments, functions, is_complete }
    }

    fn name_at_offset(&self, offset: u64) -> Option<String> {
        let segment = self
            .segments
            .iter()
            .find(|(start, length, _)| (*start..start.saturating_add(*length)).contains(&offset));
        let (start, _, address) = segment?;
        self.name_at(offset - start + address)
    }

    fn name_at(&self, address: u64) -> Option<String> {
        let after = self.functions.partition_point(|it| it.address <= address);
        let found = self.functions[..after].last()?;
        let ends = found.address.saturating_add(found.bytes);
        // What is written in assembly may state no size.
        (found.bytes == 0 || address < ends).then(|| plain_name(&found.name))
    }
}

fn functions<'d>(symbols: impl Iterator<Item = impl ObjectSymbol<'d>>) -> Vec<Function> {
    let functions = symbols.filter(|it| it.kind() == SymbolKind::Text && it.address() != 0);
    functions
        .filter_map(|it| {
            let name = it.name().ok()?.to_owned();
            Some(Function { address: it.address(), bytes: it.size(), name })
        })
        .collect()
}

fn of_debug_file(folder: &Path, build_id: &[u8]) -> Option<Vec<Function>> {
    let hex =
        |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let (first, rest) = build_id.split_at_checked(1)?;
    let file = format!(".build-id/{}/{}.debug", hex(first), hex(rest));
    let data = fs::read(folder.join(file)).ok()?;
    let file = ElfFile64::<Endianness>::parse(&*data).ok()?;
    let found = functions(file.symbols());
    (!found.is_empty()).then_some(found)
}

/// A name as the source has it: demangled, without what compilers append for
/// parts and copies of a function.
#[must_use]
pub fn plain_name(name: &str) -> String {
    let marks = [".cold", ".lto_priv", ".constprop", ".isra", ".part", ".llvm", "@"];
    let end = marks.iter().filter_map(|mark| name.find(mark)).min().unwrap_or(name.len());
    let name = &name[..end];
    // Of functions of one name Wasmer numbers all but one.
    let numbered = name.rsplit_once('.').filter(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let name = numbered.map_or(name, |(name, _)| name);
    if !name.starts_with("_Z") {
        return name.to_owned();
    }
    let demangled = cpp_demangle::Symbol::new(name).ok().and_then(|it| it.demangle().ok());
    demangled.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read() {
        let map = CodeMap::parse(
            "55d0c0000000-55d0c0100000 r--p 00000000 08:01 42                 /usr/bin/python\n\
             55d0c0100000-55d0c0400000 r-xp 00100000 08:01 42                 /usr/bin/a b\n\
             7f0000000000-7f0000001000 r-xp 00000000 00:00 0 \n\
             7fff00000000-7fff00002000 r-xp 00000000 00:00 0                  [vdso]\n",
        );
        let names: Vec<_> = map.mappings.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["/usr/bin/a b", "", "[vdso]"]);
        assert_eq!(map.mappings[0].offset, 0x10_0000);
        assert!(map.contains(0x55d0_c010_0000) && !map.contains(0x55d0_c040_0000));
        assert!(!map.contains(0x55d0_c000_0000));
    }

    #[test]
    fn code_that_was_taken_away_since_is_no_caller() {
        // The first page is never mapped.
        let map = CodeMap::parse("0-1000 r-xp 00000000 00:00 0 \n");
        assert!(map.contains(0x100));
        assert!(!map.is_return_address(0x100));
    }

    #[inline(never)]
    fn sampled_here() -> usize {
        std::hint::black_box(1)
    }

    #[test]
    fn functions_of_this_program_have_their_names() {
        let code = CodeMap::read();
        let mut symbolizer = Symbolizer::new(&code, &[]);
        let place = symbolizer.place(sampled_here as fn() -> usize as usize);
        assert!(place.object.starts_with("wasmfit_kit"), "{place:?}");
        assert!(place.symbol.is_some_and(|name| name.contains("sampled_here")));
        assert!(symbolizer.nameless().is_empty());
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn calls_are_told_from_other_instructions() {
        let calls: [[u8; LONGEST_CALL]; 6] = [
            [0x90, 0x90, 0x90, 0xe8, 1, 2, 3, 4],             // call rel32
            [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0], // call rax
            [0x90, 0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0xd3], // call r11
            [0x90, 0x90, 0xff, 0x15, 1, 2, 3, 4],             // call [rip+x]
            [0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0x50, 0x18], // call [rax+24]
            [0x90, 0x90, 0xff, 0x90, 0, 1, 0, 0],             // call [rax+256]
        ];
        for code in calls {
            assert!(ends_with_call(code), "{code:x?}");
        }
        let others: [[u8; LONGEST_CALL]; 4] = [
            [0x90; LONGEST_CALL],
            [0xe8, 1, 2, 3, 4, 0x90, 0x90, 0x90],
            [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0], // jmp rax
            [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xc0], // inc eax
        ];
        for code in others {
            assert!(!ends_with_call(code), "{code:x?}");
        }
    }

    #[test]
    fn names_lose_what_compilers_append() {
        assert_eq!(plain_name("_PyEval_EvalFrameDefault.cold"), "_PyEval_EvalFrameDefault");
        assert_eq!(plain_name("long_add.lto_priv.0"), "long_add");
        assert_eq!(plain_name("f.constprop.0.isra.1"), "f");
        assert_eq!(
            plain_name("_ZN2np10qsort_simd5QSortIfEEvPT_l"),
            "void np::qsort_simd::QSort<float>(float*, long)"
        );
        assert_eq!(plain_name("_Znonsense"), "_Znonsense");
        assert_eq!(plain_name("Py_XDECREF.42"), "Py_XDECREF");
    }
}
