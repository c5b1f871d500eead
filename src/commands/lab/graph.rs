//! `lab graph`: a picture of a lab.

use super::{Context, existing, guests};
use crate::cli::GraphFormat;
use crate::error::Result;
use crate::lab::graph::{self, Picture};
use crate::report::result;

/// # Errors
/// When there is no such lab.
pub(super) fn run(context: &Context, name: Option<&str>, format: GraphFormat) -> Result<()> {
    let (_, lab) = existing(context, name)?;
    // Those that are wanted, where none are made yet.
    let guests = match guests::set(&lab)? {
        Some(set) => set.guests().into_iter().map(|g| g.name).collect(),
        None => (1..=lab.spec.containers)
            .map(|n| format!("lxc{n}"))
            .collect(),
    };
    let picture = Picture::of(&lab, guests);
    result(match format {
        GraphFormat::Svg => graph::svg(&picture),
        GraphFormat::Dot => graph::dot(&picture),
        GraphFormat::Mermaid => graph::mermaid(&picture),
    });
    Ok(())
}
