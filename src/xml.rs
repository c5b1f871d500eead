//! A small XML element tree over quick-xml. All XML that we write for libvirt and Pacemaker, and
//! all that we read from their tools, goes through it.

use crate::error::{Error, Result};
use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

/// An element with attributes (in order), child elements and text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct El {
    /// Qualified name, prefix included.
    pub name: String,
    /// Attributes in document order.
    pub attrs: Vec<(String, String)>,
    /// Child elements in document order.
    pub children: Vec<El>,
    /// Character data directly inside, trimmed.
    pub text: String,
}

impl El {
    /// An empty element.
    pub fn new(name: impl Into<String>) -> Self {
        El {
            name: name.into(),
            ..El::default()
        }
    }

    /// Adds an attribute.
    pub fn attr(mut self, name: &str, value: impl ToString) -> Self {
        self.attrs.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a child element.
    pub fn child(mut self, child: El) -> Self {
        self.children.push(child);
        self
    }

    /// Adds many child elements.
    pub fn children(mut self, children: impl IntoIterator<Item = El>) -> Self {
        self.children.extend(children);
        self
    }

    /// Sets the character data.
    pub fn text(mut self, text: impl ToString) -> Self {
        self.text = text.to_string();
        self
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attrs
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The first child element called `name`.
    pub fn find(&self, name: &str) -> Option<&El> {
        self.children.iter().find(|c| c.name == name)
    }

    /// This element and everything below it, in document order.
    pub fn walk(&self) -> Vec<&El> {
        let mut found = vec![self];
        for child in &self.children {
            found.extend(child.walk());
        }
        found
    }

    /// Every element below (and including) this one that is called `name`.
    pub fn all(&self, name: &str) -> Vec<&El> {
        self.walk().into_iter().filter(|e| e.name == name).collect()
    }

    /// The document as text: two spaces of indentation, one element a line, a newline at the end.
    ///
    /// VirtualDomain reads `<name>` and `<emulator>` with line tools, so an element with text
    /// stays on one line (resource-agents 4.12, `VirtualDomain`).
    pub fn render(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        // A Vec<u8> never refuses a write, so there is no error to carry.
        let _ = self.write_to(&mut writer);
        let mut bytes = writer.into_inner();
        bytes.push(b'\n');
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn write_to(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let mut start = BytesStart::new(self.name.as_str());
        for (name, value) in &self.attrs {
            start.push_attribute((name.as_str(), value.as_str()));
        }
        if self.children.is_empty() && self.text.is_empty() {
            return writer.write_event(Event::Empty(start));
        }
        writer.write_event(Event::Start(start))?;
        if !self.text.is_empty() {
            writer.write_event(Event::Text(BytesText::new(&self.text)))?;
        }
        for child in &self.children {
            child.write_to(writer)?;
        }
        writer.write_event(Event::End(BytesEnd::new(self.name.as_str())))
    }
}

/// Parses one document.
///
/// # Errors
/// When the text is not well-formed or holds no element; the message names `what` was read.
pub fn parse(text: &str, what: &str) -> Result<El> {
    parse_many(text, what)?
        .into_iter()
        .next()
        .ok_or_else(|| Error::failed(format!("{what}: no XML element in it")))
}

/// Parses several documents standing one after the other, as one virsh prints them.
///
/// # Errors
/// When the text is not well-formed.
pub fn parse_many(text: &str, what: &str) -> Result<Vec<El>> {
    let bad = |e: &dyn std::fmt::Display| Error::failed(format!("{what}: not XML: {e}"));
    let mut reader = quick_xml::Reader::from_str(text);
    let mut stack: Vec<El> = Vec::new();
    let mut done: Vec<El> = Vec::new();
    loop {
        match reader.read_event().map_err(|e| bad(&e))? {
            Event::Start(start) => stack.push(open(&start).map_err(|e| bad(&e))?),
            Event::Empty(start) => {
                let el = open(&start).map_err(|e| bad(&e))?;
                close(el, &mut stack, &mut done);
            }
            Event::End(_) => {
                // quick-xml has checked that it closes the element that is open.
                if let Some(mut el) = stack.pop() {
                    el.text = el.text.trim().to_owned();
                    close(el, &mut stack, &mut done);
                }
            }
            Event::Text(text) => {
                if let Some(top) = stack.last_mut() {
                    top.text.push_str(&text.decode().map_err(|e| bad(&e))?);
                }
            }
            Event::CData(data) => {
                if let Some(top) = stack.last_mut() {
                    top.text.push_str(&data.decode().map_err(|e| bad(&e))?);
                }
            }
            Event::GeneralRef(name) => {
                if let Some(top) = stack.last_mut() {
                    let name = name.decode().map_err(|e| bad(&e))?;
                    let entity = format!("&{name};");
                    top.text
                        .push_str(&quick_xml::escape::unescape(&entity).map_err(|e| bad(&e))?);
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match stack.last() {
        Some(open) => Err(bad(&format!("<{}> is not closed", open.name))),
        None => Ok(done),
    }
}

fn open(start: &BytesStart<'_>) -> Result<El, quick_xml::Error> {
    let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
    let mut el = El::new(name);
    for attribute in start.attributes() {
        let attribute = attribute?;
        let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        // The value as it stands in the text: quick-xml's own reading turns tabs and newlines into
        // spaces.
        let value = String::from_utf8_lossy(&attribute.value);
        let value = quick_xml::escape::unescape(&value)?;
        el.attrs.push((name, value.into_owned()));
    }
    Ok(el)
}

fn close(el: El, stack: &mut [El], done: &mut Vec<El>) {
    match stack.last_mut() {
        Some(parent) => parent.children.push(el),
        None => done.push(el),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let el = El::new("a")
            .attr("x", "1 < 2 &\n\t\"three\"")
            .child(El::new("name").text("l<x>c & 1"))
            .child(El::new("empty"));
        let text = el.render();
        assert_eq!(parse(&text, "test").unwrap(), el);
        assert!(
            text.contains("\n  <name>l&lt;x&gt;c &amp; 1</name>\n"),
            "{text}"
        );
    }

    #[test]
    fn several_documents_in_a_row() {
        let found = parse_many("<a/>\n\n<?xml version='1.0'?>\n<b><c/></b>\n", "test").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].children[0].name, "c");
    }

    #[test]
    fn what_is_not_closed_is_an_error() {
        let e = parse("<a><b></b>", "cib").unwrap_err();
        assert!(e.to_string().starts_with("cib: not XML"), "{e}");
        assert!(parse("", "cib").is_err());
    }
}
