//! Arguments and values that are not understood, and those that are missing.

/// What an argument means that the command does not take; `rest` is all that was typed behind the
/// command.
pub(in crate::cli) fn argument(command: &str, typed: &str, rest: &[String]) -> Option<String> {
    let is_number = typed.bytes().all(|b| b.is_ascii_digit());
    let before = rest.iter().position(|word| word == typed);
    let before = before.and_then(|at| rest.get(at.checked_sub(1)?));
    if matches!(typed, "true" | "false") {
        return before.map(|option| format!("with an equals sign: {option}={typed}"));
    }
    Some(match command {
        "lab up" if is_number => format!("--cluster-nodes {typed}, or -c {typed} for guest nodes"),
        "lab up" if typed.contains('.') => format!("-f {typed} reads the lab from a file"),
        "up" | "generate" | "verify" if is_number => format!("-c {typed}"),
        "exec" | "lab exec" => return exec(command, rest),
        "lab shell" => format!(
            "with a command: lxc-autogen lab exec {} -- {typed}",
            rest.first()?
        ),
        "shell" => format!(
            "with a command: lxc-autogen exec {} -- {typed}",
            rest.first()?
        ),
        "lab list" => format!("lxc-autogen lab status --name {typed} shows one lab"),
        "lab graph" if matches!(typed, "svg" | "dot" | "mermaid") => format!("--format {typed}"),
        "lab cp" => {
            "one source and one target; a directory is copied with all that is in it".into()
        }
        "lab up" | "lab down" | "lab status" | "lab graph" | "lab inventory" | "lab ssh-config" => {
            format!("--name {typed} names the lab")
        }
        "status" => format!("leave it out, or for a lab: lxc-autogen lab status --name {typed}"),
        "snapshot" => format!("-o {typed} to write it, --compare {typed} to compare with it"),
        "download-agent" => format!("--agent-url {typed}"),
        "cleanup" => format!(
            "leave it out: cleanup removes all of the set; lxc-autogen remove {typed} a single node"
        ),
        _ => return None,
    })
}

/// Where `--` stands in what was typed for `exec` or `lab exec`.
pub(in crate::cli) fn exec(verb: &str, rest: &[String]) -> Option<String> {
    let all = rest.iter().any(|word| word == "--all");
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let (node, words) = match words.as_slice() {
        _ if all => (
            "--all",
            words.iter().copied().filter(|w| *w != "--all").collect(),
        ),
        // An option behind the first word: that one is a command.
        [node, next, ..] if !next.starts_with('-') => (*node, words[1..].to_vec()),
        [first, ..] if !first.starts_with('-') => ("NODE", words.clone()),
        _ => return None,
    };
    let words: Vec<&str> = words;
    Some(format!(
        "put -- in front of the command: lxc-autogen {verb} {node} -- {}",
        words.join(" ")
    ))
}

/// What to add where something is missing, if it depends on what is there.
pub(in crate::cli) fn missing(command: &str, rest: &[String]) -> Option<String> {
    let first = rest.iter().find(|word| !word.starts_with('-'))?;
    match command {
        "lab exec" => Some(format!(
            "lxc-autogen lab exec {first} -- COMMAND, or a shell: lxc-autogen lab shell {first}"
        )),
        "exec" => Some(format!(
            "lxc-autogen exec {first} -- COMMAND, or a shell: lxc-autogen shell {first}"
        )),
        "lab cp" => Some(format!(
            "into a node: lxc-autogen lab cp {first} NODE:PATH; out of one: lxc-autogen lab cp NODE:PATH {first}"
        )),
        _ => None,
    }
}

/// What a value should be; `kind` is what the option's value is called.
pub(in crate::cli) fn value(option: &str, kind: &str, value: &str) -> Option<String> {
    let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = value[digits.len()..].to_lowercase();
    let number: Option<u32> = digits.parse().ok();
    match (kind, number, unit.as_str()) {
        ("MIB", Some(n), "g" | "gb" | "gib") => n
            .checked_mul(1024)
            .map(|mib| format!("in MiB: {option} {mib}")),
        ("MIB", Some(n), "m" | "mb" | "mib") => Some(format!("in MiB: {option} {n}")),
        ("SECONDS", Some(n), "s" | "sec") => Some(format!("in seconds: {option} {n}")),
        ("SECONDS", Some(n), "m" | "min") => n
            .checked_mul(60)
            .map(|s| format!("in seconds: {option} {s}")),
        ("MIB", ..) => Some("a whole number of MiB, such as 512".into()),
        ("SECONDS", ..) => Some("a whole number of seconds, such as 300".into()),
        ("N", ..) => Some("a whole number, such as 3".into()),
        (_, _, _) if value.is_empty() && !kind.is_empty() => Some(format!("{option} {kind}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_units() {
        for (option, kind, typed, mend) in [
            ("--memory", "MIB", "2G", "in MiB: --memory 2048"),
            ("--memory", "MIB", "512MiB", "in MiB: --memory 512"),
            ("--timeout", "SECONDS", "5m", "in seconds: --timeout 300"),
            ("--containers", "N", "three", "a whole number, such as 3"),
            ("--compare", "FILE", "", "--compare FILE"),
        ] {
            assert_eq!(value(option, kind, typed).as_deref(), Some(mend));
        }
    }
}
