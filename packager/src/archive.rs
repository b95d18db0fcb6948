//! The zip that is published: the same files give the same bytes, on each machine and at any time.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Packs these files of `folder`, each with its mode, and returns the SHA-256 of the zip in hexadecimal.
///
/// # Errors
///
/// A sentence for the person at the terminal.
pub fn pack(folder: &Path, files: &[(&str, u32)], zip: &Path) -> Result<String, String> {
    write(folder, files, zip).map_err(|error| format!("{} cannot be written: {error}", zip.display()))?;
    let bytes = fs::read(zip).map_err(|error| format!("{}: {error}", zip.display()))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write(folder: &Path, files: &[(&str, u32)], zip: &Path) -> io::Result<()> {
    let mut files = files.to_vec();
    files.sort_unstable();
    let mut archive = ZipWriter::new(BufWriter::new(File::create(zip)?));
    for (name, mode) in files {
        let options = SimpleFileOptions::DEFAULT
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(mode);
        archive.start_file(name, options)?;
        io::copy(&mut File::open(folder.join(name))?, &mut archive)?;
    }
    archive.finish()?.flush()
}
