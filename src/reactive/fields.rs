//! A form's fields as text, in order.

/// The fields of a form that is being sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// A field's value, empty when there is none of this name.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// A field's value as a number or another type, if it is one.
    pub fn parse<V: std::str::FromStr>(&self, name: &str) -> Option<V> {
        self.get(name).trim().parse().ok()
    }

    /// Gives a field a value, replacing the one it has.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some(field) => field.1 = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Adds a field, beside others of its name.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn a_field_is_set_once() {
        let mut fields = Fields::default();
        fields.set("a", "1");
        fields.set("b", "x");
        fields.set("a", "2");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "x")]);
        assert_eq!((fields.parse("a"), fields.parse::<i64>("b")), (Some(2), None));
        assert_eq!(fields.get("c"), "");
    }
}
