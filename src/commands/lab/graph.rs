//! `lab graph`: a picture of a lab.

use crate::cli::GraphFormat;
use crate::context::Context;
use crate::error::Result;
use crate::lab::directory::existing;
use crate::lab::graph::{self, Now, Picture};
use crate::lab::nested;
use crate::lab::tree::tree;
use crate::report::result;

/// # Errors
/// When there is no such lab.
pub(in crate::commands) fn run(context: &Context, name: &str, format: GraphFormat) -> Result<()> {
    let (context, lab) = existing(context, Some(name))?;
    // Where no guests are made yet, the picture has the wanted ones.
    let guests = match nested::set(&lab)? {
        Some(set) => set.guests().into_iter().map(|g| g.name).collect(),
        None => (1..=lab.spec.containers)
            .map(|n| format!("lxc{n}"))
            .collect(),
    };
    // Without libvirt it is a picture all the same.
    let now = tree(&context, &lab).map(|tree| tree.now());
    let now = now.unwrap_or_else(|e| {
        let why = e.message();
        context
            .report
            .warn(format!("drawn as if all nodes were up: {why}"));
        Now::default()
    });
    let picture = Picture::of(&lab, guests, now);
    result(match format {
        GraphFormat::Svg => graph::svg(&picture),
        GraphFormat::Dot => graph::dot(&picture),
        GraphFormat::Mermaid => graph::mermaid(&picture),
    });
    Ok(())
}
