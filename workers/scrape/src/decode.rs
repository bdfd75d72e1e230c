//! The interpretation of samples. Pure.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use utakata_profile::{Collection, Raw, Scaling};
use utakata_worker_sdk::model::reading::Attributes;

use crate::{
    profile::{Attribute, Metric, Profile},
    sample::{Error, Sample, samples},
};

/// Returns the names of all samples on a page.
///
/// # Errors
/// It is no page of samples.
pub fn names(page: &str) -> Result<HashSet<&str>, Error> {
    let mut names = HashSet::new();
    for line in page.lines() {
        let end = line.find(|c: char| c == '{' || c.is_whitespace());
        names.insert(line.get(..end.unwrap_or(line.len())).unwrap_or_default());
    }
    // Of names that nobody wants, only the form is looked at.
    match samples(page, |_| false).find_map(Result::err) {
        Some(error) => Err(error),
        None => Ok(names),
    }
}

/// Adds the readings of a page. The first profile that knows a sample by its name decides what it
/// means. Returns the lines that cannot be read.
pub fn decode(profiles: &[Arc<Profile>], page: &str, into: &mut Collection) -> Vec<Error> {
    let metrics = |name: &str| {
        let mut profiles = profiles.iter();
        profiles.find_map(|profile| profile.content.families.get(name))
    };
    let mut unread = Vec::new();
    for found in samples(page, |name| metrics(name).is_some()) {
        match found {
            Ok(sample) => {
                for metric in metrics(sample.name).into_iter().flatten() {
                    metric.add(&sample, into);
                }
            }
            Err(error) => unread.push(error),
        }
    }
    unread
}

impl Metric {
    fn add(&self, sample: &Sample<'_>, into: &mut Collection) {
        let holds = self.when.iter().all(|one| {
            let raw = label(sample, &one.label);
            one.test.holds(raw.as_ref())
        });
        if !holds {
            return;
        }
        let raw = match &self.label {
            Some(name) => match label(sample, name) {
                Some(raw) => raw,
                None => return,
            },
            // An exporter writes NaN for what it could not measure.
            None if !sample.value.is_finite() => return,
            None => Raw::Float(sample.value),
        };
        let mut attributes = Attributes::new();
        for (key, attribute) in &self.attributes {
            if let Some(text) = attribute.text(sample) {
                attributes.insert(Arc::clone(key), text);
            }
        }
        let of = (&raw, &Scaling::NONE);
        into.add(&self.meaning, of, &attributes, sample.name);
    }
}

impl Attribute {
    fn text(&self, sample: &Sample<'_>) -> Option<Arc<str>> {
        let texts = self.labels.iter().filter_map(|name| sample.label(name));
        let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
        if texts.is_empty() {
            return None;
        }
        let text = Raw::Text(texts.join("/").into());
        let name = self.names.name(&text).cloned();
        Some(name.unwrap_or_else(|| text.text().into()))
    }
}

fn label<'a>(sample: &'a Sample<'_>, name: &str) -> Option<Raw<'a>> {
    let text = sample.label(name)?;
    Some(Raw::Text(Cow::Borrowed(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Library;

    fn read(profile: &str, page: &str) -> Vec<String> {
        let library = Library::shipped().unwrap();
        let profiles = library.resolve([profile]).unwrap();
        let mut all = Collection::default();
        assert_eq!(decode(&profiles, page, &mut all), Vec::new());
        let shown = all.readings.iter().map(|one| {
            let attributes = one.attributes.iter();
            let attributes: Vec<String> = attributes.map(|(k, v)| format!("{k}={v}")).collect();
            let attributes = attributes.join(",");
            format!("{}{{{attributes}}} {}{}", one.metric, one.value, one.unit)
        });
        shown.collect()
    }

    #[test]
    fn samples_become_readings_in_units() {
        for (profile, sample, expect) in [
            (
                "node",
                "node_load5 0.42",
                "system.load_average{system.load.window=5m} 0.421",
            ),
            (
                "node",
                "node_hwmon_temp_celsius{chip=\"platform_coretemp_0\",sensor=\"temp2\"} 41",
                "hw.temperature{hw.id=platform_coretemp_0/temp2} 41Cel",
            ),
            (
                "node",
                "node_filesystem_avail_bytes{device=\"/dev/sda1\",fstype=\"ext4\",mountpoint=\"/\"} 1024",
                "system.storage.available{device=/dev/sda1,system.filesystem.mountpoint=/} 1024By",
            ),
            (
                "dcgm",
                "DCGM_FI_DEV_POWER_USAGE{gpu=\"3\",UUID=\"GPU-1\",modelName=\"H100\"} 412.5",
                "hw.power{gpu=3,hw.id=GPU-1,hw.type=gpu} 412.5W",
            ),
        ] {
            assert_eq!(read(profile, sample), [expect], "{sample}");
        }
    }

    #[test]
    fn what_is_not_measured_or_not_meant_is_no_reading() {
        for sample in [
            "node_load5 NaN",
            "node_hwmon_temp_celsius{chip=\"a\",sensor=\"temp2\"} +Inf",
            "node_filesystem_avail_bytes{device=\"tmpfs\",fstype=\"tmpfs\",mountpoint=\"/run\"} 1",
            "unknown_thing 4",
            "DCGM_FI_DEV_GPU_TEMP{gpu=\"0\"} 9223372036854775794",
        ] {
            let profile = if sample.starts_with('D') {
                "dcgm"
            } else {
                "node"
            };
            assert_eq!(read(profile, sample), Vec::<String>::new(), "{sample}");
        }
    }

    #[test]
    fn a_page_that_is_none_is_refused() {
        assert!(names("a 1\nb{x=\"1\"} 2\n").unwrap().contains("b"));
        assert!(names("<html><body>404</body></html>").is_err());
    }
}
