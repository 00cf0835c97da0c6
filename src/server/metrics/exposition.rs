//! The families as the text that Prometheus reads.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text::encode},
    metrics::MetricType,
    registry::{Registry, Unit},
};

use super::families::{Family, Values};

/// Its media type: OpenMetrics, which Prometheus asks for.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text of all families.
///
/// # Errors
/// When a number cannot be written, which none can.
pub fn text(families: Vec<Family>) -> Result<String, fmt::Error> {
    // A registry for each answer: nothing is global, so a process may run several servers.
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families)));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        for family in &self.0 {
            let name = ["tidewire_", family.name].concat();
            let unit = match family.unit {
                "" => None,
                unit => Some(Unit::Other(unit.into())),
            };
            let kind = match family.values {
                Values::Counters(_) => MetricType::Counter,
                Values::Gauges(_) => MetricType::Gauge,
                Values::Histogram(..) => MetricType::Histogram,
            };
            let metric = encoder.encode_descriptor(&name, family.help, unit.as_ref(), kind)?;
            samples(metric, family)?;
        }
        Ok(())
    }
}

fn samples(mut metric: MetricEncoder<'_>, family: &Family) -> Result<(), fmt::Error> {
    match &family.values {
        Values::Counters(samples) => {
            for (label, count) in samples {
                let label = [(family.label, label.as_str())];
                match family.label {
                    "" => metric.encode_counter::<NoLabelSet, _, u64>(count, None)?,
                    _ => {
                        let mut sample = metric.encode_family(&label)?;
                        sample.encode_counter::<NoLabelSet, _, u64>(count, None)?;
                    }
                }
            }
        }
        Values::Gauges(samples) => {
            for (label, value) in samples {
                let label = [(family.label, label.as_str())];
                match family.label {
                    "" => metric.encode_gauge(value)?,
                    _ => metric.encode_family(&label)?.encode_gauge(value)?,
                }
            }
        }
        Values::Histogram(buckets, sum) => {
            let count = buckets.iter().map(|(_, count)| count).sum();
            metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)?;
        }
    }
    Ok(())
}
