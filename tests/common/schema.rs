//! What the program prints as JSON, held to docs/json.schema.json.
//!
//! By hand: of the crates that do this, jsonschema brings 45 more, and the schema uses a dozen of
//! JSON Schema's words. A word that is not known here fails, so that no rule is skipped.

use serde_json::Value;

const SCHEMA: &str = include_str!("../../docs/json.schema.json");

/// Fails unless the text is JSON as this definition of the schema has it, with no key besides.
#[track_caller]
pub fn conforms(definition: &str, text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let rule = &schema["$defs"][definition];
    assert!(rule.is_object(), "the schema has no {definition}");
    let mut wrong = Vec::new();
    check(&schema, rule, &value, definition, &mut wrong);
    assert!(wrong.is_empty(), "{}\n{text}", wrong.join("\n"));
    value
}

fn check(schema: &Value, rule: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    for (word, says) in rule.as_object().expect("a rule is an object") {
        match word.as_str() {
            "description" => {}
            "$ref" => {
                let name = says.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                check(schema, &schema["$defs"][name], value, at, wrong);
            }
            "type" => {
                let types = says.as_array().cloned().unwrap_or(vec![says.clone()]);
                if !types.iter().any(|t| is_a(value, t.as_str().unwrap())) {
                    wrong.push(format!("{at}: no {says}: {value}"));
                }
            }
            "enum" => {
                if !says.as_array().unwrap().contains(value) {
                    wrong.push(format!("{at}: none of {says}: {value}"));
                }
            }
            "minimum" => {
                if value.as_i64() < says.as_i64() {
                    wrong.push(format!("{at}: less than {says}: {value}"));
                }
            }
            "required" => {
                for key in says.as_array().unwrap() {
                    if value.get(key.as_str().unwrap()).is_none() {
                        wrong.push(format!("{at}: no key {key}"));
                    }
                }
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(schema, says, item, &format!("{at}[{n}]"), wrong);
                }
            }
            "properties" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    let at = format!("{at}.{key}");
                    match says.get(key) {
                        Some(rule) => check(schema, rule, value, &at, wrong),
                        None => wrong.push(format!("{at} is not in the schema")),
                    }
                }
            }
            // For readers: these objects are files of ours, and not described.
            "additionalProperties" => {}
            other => panic!("{at}: this checker does not know {other}"),
        }
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("this checker does not know {other}"),
    }
}
