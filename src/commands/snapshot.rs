//! `snapshot`: writes down how the machine looks, or compares it with an earlier snapshot.

use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::files::{Attributes, Existing, unfinished, write_atomic};
use crate::host::users;
use crate::report::{count, json, result};
use crate::snapshot::{self, Looked, Snapshot};
use std::path::{Path, PathBuf};

/// Takes a snapshot and writes it to `output`, which may be `-` for stdout.
///
/// # Errors
/// When the machine cannot be looked at, or the file not be written.
pub(super) fn take(
    context: &Context,
    output: &Path,
    trees: &[PathBuf],
    ignore: &[PathBuf],
) -> Result<()> {
    let mut looked = Looked::new(trees, ignore)?;
    if context.options.dry_run {
        let trees = looked.trees.iter().map(|t| t.display().to_string());
        let trees = trees.collect::<Vec<_>>().join(", ");
        result(format!(
            "would look at this machine, its files below {trees}, and write {}\n",
            output.display()
        ));
        return Ok(());
    }
    users::require_root_even_dry("snapshot")?;
    if output == Path::new("-") {
        let taken = Snapshot::take(&context.host, looked)?;
        result(taken.write()?);
        return Ok(());
    }
    let file = std::path::absolute(output).map_err(|e| Error::io("find", output, e))?;
    // These two files are made only after the look.
    looked.ignore.push(unfinished(&file));
    looked.ignore.push(file.clone());
    let taken = Snapshot::take(&context.host, looked)?;
    let things = count(snapshot::count(&taken), "thing");
    let text = taken.write()?;
    let private = Attributes::root(0o600);
    write_atomic(&file, text.as_bytes(), private, Existing::Replace)?;
    context
        .report
        .line(format!("{}: {things} written down", file.display()));
    Ok(())
}

/// Takes a snapshot and compares it with the one in `file`.
///
/// # Errors
/// [`Kind::LeftBehind`] when they differ; [`Kind::Usage`] when there is no snapshot in the file.
pub(super) fn compare(context: &Context, file: &Path) -> Result<()> {
    users::require_root_even_dry("snapshot")?;
    let before = snapshot::load(file)?;
    let after = Snapshot::take(&context.host, before.looked.clone())?;
    let differences = snapshot::differences(&before, &after);
    if context.options.json {
        json(&serde_json::json!({
            "differences": differences,
            "total": differences.len(),
        }))?;
    } else if differences.is_empty() {
        result(format!(
            "no difference, in {}\n",
            count(snapshot::count(&after), "thing")
        ));
    } else {
        result(snapshot::tell(&differences));
    }
    if differences.is_empty() {
        return Ok(());
    }
    let total = count(differences.len(), "difference");
    Err(
        Error::new(Kind::LeftBehind, format!("{total} from {}", file.display()))
            .mend("lxc-autogen cleanup and lxc-autogen lab down take away what is theirs"),
    )
}
