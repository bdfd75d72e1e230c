//! The identity of a host, from its XML: capabilities and SMBIOS. Pure.

use std::borrow::Cow;

/// A machine, by its SMBIOS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub uuid: Option<String>,
}

/// Returns the UUID of a host in its capabilities. It comes before everything that has one of its own.
pub fn uuid(capabilities: &str) -> Option<String> {
    let host = element(capabilities, "<host>", "</host>")?;
    element(host, "<uuid>", "</uuid>").and_then(text)
}

/// Returns the machine in the SMBIOS of a host.
pub fn machine(smbios: &str) -> Machine {
    let system = element(smbios, "<system>", "</system>").unwrap_or_default();
    let entry = |name: &str| {
        let begin = format!("<entry name='{name}'>");
        element(system, &begin, "</entry>").and_then(text)
    };
    Machine {
        vendor: entry("manufacturer"),
        model: entry("product"),
        serial: entry("serial"),
        uuid: entry("uuid"),
    }
}

/// The content of the first element of a document that begins and ends so.
fn element<'a>(document: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(begin)?;
    rest.split_once(end).map(|(content, _)| content)
}

fn text(content: &str) -> Option<String> {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&apos;", "'"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    let mut text = Cow::from(content.trim());
    if text.contains('&') {
        for (entity, letter) in entities {
            text = text.replace(entity, letter).into();
        }
    }
    (!text.is_empty() && !text.contains('<')).then(|| text.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_says_which_machine_it_is() {
        let capabilities = "<capabilities>\n <host>\n  <uuid>4c4c4544-0032-4b10-8053-b7c04f4c4d32</uuid>\n\
            <cpu><arch>x86_64</arch></cpu></host><guest><uuid>no</uuid></guest></capabilities>";
        assert_eq!(
            uuid(capabilities).as_deref(),
            Some("4c4c4544-0032-4b10-8053-b7c04f4c4d32")
        );
        assert_eq!(uuid("<host></host><guest><uuid>a</uuid></guest>"), None);
        let smbios = "<sysinfo type='smbios'><bios><entry name='vendor'>B</entry></bios><system>\
            <entry name='manufacturer'>Dell &amp; Co.</entry><entry name='product'>R750</entry>\
            <entry name='serial'> 7G2KLM2 </entry><entry name='sku'></entry></system></sysinfo>";
        let machine = machine(smbios);
        assert_eq!(machine.vendor.as_deref(), Some("Dell & Co."));
        assert_eq!(machine.model.as_deref(), Some("R750"));
        assert_eq!(machine.serial.as_deref(), Some("7G2KLM2"));
        assert_eq!(machine.uuid, None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "(<host>|</host>|<uuid>|</uuid>|<system>|&amp;|a){0,20}") {
            let _ = (uuid(&text), machine(&text));
        }
    }
}
