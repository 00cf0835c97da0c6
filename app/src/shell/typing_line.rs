//! "Guest 4f2a is adding a todo…": has its height also when nobody writes, so nothing jumps.

use leptos::prelude::*;
use tidewire::reactive::TypingLine as Typists;

/// Who writes at the moment; `doing` says what, such as "adding a todo".
#[component]
pub fn TypingLine(typists: Typists, doing: &'static str) -> impl IntoView {
    view! {
        <p class="typing" role="status" aria-label="Who is writing">
            {move || sentence(&typists.users(), doing)}
        </p>
    }
}

fn sentence(names: &[String], doing: &str) -> String {
    match names {
        [] => String::new(),
        [one] => [one, " is ", doing, "…"].concat(),
        [one, two] => [one, " and ", two, " are ", doing, "…"].concat(),
        many => [&many.len().to_string(), " people are ", doing, "…"].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn spec_ig4_the_line_names_one_and_two_and_counts_more() {
        let names: Vec<String> = ["Ann", "Bob", "Carl"].map(String::from).into();
        assert_eq!(sentence(&[], "adding a todo"), "");
        assert_eq!(sentence(&names[..1], "adding a todo"), "Ann is adding a todo…");
        assert_eq!(sentence(&names[..2], "adding a todo"), "Ann and Bob are adding a todo…");
        assert_eq!(sentence(&names, "adding a todo"), "3 people are adding a todo…");
    }
}
