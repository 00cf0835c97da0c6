//! The primary navigation: one line a page.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// Address and name of each entry, in order. A new page adds its line here.
pub const NAV: &[(&str, &str)] =
    &[("/", "Home"), ("/todos", "Todos"), ("/products", "Products"), ("/notes", "Notes")];

/// A list of plain links; the router follows them without loading the page. Scrolls sideways where it does not fit.
#[component]
pub fn Nav() -> impl IntoView {
    let here = use_location().pathname;

    view! {
        <nav class="shell-nav" aria-label="Primary">
            <ul>
                {NAV
                    .iter()
                    .map(|&(href, name)| {
                        view! {
                            <li>
                                <a
                                    href=href
                                    aria-current=move || here.with(|here| current(href, here))
                                >
                                    {name}
                                </a>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </nav>
    }
}

/// `page` for the very page, `true` for the section it belongs to.
fn current(href: &str, here: &str) -> Option<&'static str> {
    let rest = here.strip_prefix(href)?;
    match rest {
        "" | "/" => Some("page"),
        _ if href != "/" && rest.starts_with('/') => Some("true"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::current;

    #[test]
    fn marks_the_page_and_its_section_only() {
        assert_eq!(current("/", "/"), Some("page"));
        assert_eq!(current("/", "/todos"), None);
        assert_eq!(current("/todos", "/todos"), Some("page"));
        assert_eq!(current("/todos", "/todos/"), Some("page"));
        assert_eq!(current("/todos", "/todos/42"), Some("true"));
        assert_eq!(current("/todos", "/todos-archive"), None);
    }
}
