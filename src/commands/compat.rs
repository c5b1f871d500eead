//! The options of lxc_autogen.sh as verbs, in its order: verify, download, key, generate, CIB,
//! clone, and then those that restore.

use super::Verb;
use crate::cli::{Original, Shape};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::pacemaker::config::Part;
use crate::spec::{Scope, Sharing, Wanted};

/// # Errors
/// When no action is named.
pub(super) fn verbs(
    context: &Context,
    actions: &Original,
    shape: &Shape,
    sharing: &Sharing,
) -> Result<Vec<Verb>> {
    // The original keeps the test suite's resources off its nodes without being asked.
    let wanted = Wanted {
        keep_off: true,
        ..shape.wanted()
    };
    if shape.add_master {
        context
            .report
            .warn("-m/--add-master is deprecated: use -C/--add-clone instead");
    }
    let restores = actions.restore_all || actions.restore_cib || actions.restore_libvirt;
    let named = actions.generate
        || actions.key_gen
        || actions.add_cib
        || wanted.clone
        || restores
        || actions.download_agent
        || actions.verify;
    // `lxc-autogen --containers 8` alone means generate.
    let generates = actions.generate || (!named && wanted.containers.is_some());
    if !named && !generates {
        return Err(Error::usage("nothing to do is named")
            .mend("lxc-autogen up -c 8, or see lxc-autogen --help"));
    }
    let part = match (actions.add_cib, wanted.clone) {
        (true, _) => Some(Part::All),
        (false, true) => Some(Part::Clone),
        (false, false) => None,
    };
    let (wanted, sharing) = (|| wanted.clone(), || sharing.clone());
    let cleanup = |scope| Verb::Cleanup {
        scope,
        sharing: sharing(),
        forget: Vec::new(),
    };
    let mut verbs = Vec::new();
    if actions.verify {
        verbs.push(Verb::Verify {
            wanted: wanted(),
            quick: false,
        });
    }
    if actions.download_agent {
        verbs.push(Verb::DownloadAgent {
            url: actions.agent_url.clone(),
            sharing: sharing(),
        });
    }
    if actions.key_gen && !generates {
        verbs.push(Verb::KeyGen { sharing: sharing() });
    }
    match part {
        _ if generates => verbs.push(Verb::Generate {
            wanted: wanted(),
            sharing: sharing(),
            part,
        }),
        Some(part) => verbs.push(Verb::Add {
            wanted: wanted(),
            part,
        }),
        None => {}
    }
    if actions.restore_all {
        verbs.push(cleanup(Scope::All));
    } else {
        verbs.extend(actions.restore_cib.then(|| cleanup(Scope::Cib)));
        verbs.extend(actions.restore_libvirt.then(|| cleanup(Scope::Libvirt)));
    }
    Ok(verbs)
}
