//! What an executable asks of the machine that it runs on.

use std::fs;
use std::path::Path;

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{FileHeader as _, ProgramHeader as _};

/// Whether the executable runs on any Linux: it asks for no program loader and no shared library.
///
/// # Errors
///
/// A sentence for the person at the terminal, which names what the executable asks for.
pub fn asks_for_nothing(executable: &Path) -> Result<(), String> {
    let path = executable.display();
    let bytes = fs::read(executable).map_err(|error| format!("{path}: {error}"))?;
    let asked = asked_for(&bytes).map_err(|error| format!("{path} is not an executable for Linux: {error}"))?;
    if asked.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{path} asks for {}, which the machine in Azure may not have: its C library must be inside, so look whether your linker can link it statically",
        asked.join(" and ")
    ))
}

/// The loader and the shared libraries that an executable asks for.
fn asked_for(bytes: &[u8]) -> object::read::Result<Vec<String>> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let mut asked = Vec::new();
    for segment in header.program_headers(endian, bytes)? {
        asked.extend(segment.interpreter(endian, bytes)?.map(text));
    }
    let dynamic = header.sections(endian, bytes)?.dynamic_table(endian, bytes)?;
    for entry in dynamic.iter().filter(|entry| entry.tag == DT_NEEDED) {
        asked.push(text(dynamic.string(entry)?));
    }
    Ok(asked)
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
