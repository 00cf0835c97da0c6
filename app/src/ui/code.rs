//! A block of code with a copy button. The button belongs to a script in `<head>`, not to the application's code: it works
//! before the page is hydrated, costs the browser no WebAssembly, and is not shown where scripts do not run.

use leptos::prelude::*;

use super::{Glyph, Icon, with_class};

/// Listens for every copy button of the page, also those that come later. Goes into `<head>`.
pub const COPY_SCRIPT: &str = r#"
addEventListener("click", function (event) {
  var button = event.target.closest && event.target.closest("[data-copy]");
  if (!button || !navigator.clipboard) return;
  var source = button.closest(".code").querySelector("code");
  navigator.clipboard.writeText(source.textContent).then(function () {
    button.setAttribute("data-copied", "");
    clearTimeout(button.copied);
    button.copied = setTimeout(function () { button.removeAttribute("data-copied"); }, 1600);
  });
});
"#;

/// A block of code.
#[component]
pub fn Code(
    /// What the head says: a file name or a language. It also names the block for screen readers.
    title: &'static str,
    #[prop(into)] text: String,
    #[prop(optional)] class: &'static str,
) -> impl IntoView {
    view! {
        <figure class=with_class("code", class)>
            <figcaption class="code-head">
                <span>{title}</span>
                <button
                    type="button"
                    class="btn js-only"
                    data-variant="ghost"
                    data-size="sm"
                    data-copy=""
                >
                    <span class="copy-idle">
                        <Glyph icon=Icon::Copy/>
                        "Copy"
                    </span>
                    <span class="copy-done" role="status">
                        <Glyph icon=Icon::Check/>
                        "Copied"
                    </span>
                </button>
            </figcaption>
            <pre tabindex="0" role="group" aria-label=title>
                <code>{text}</code>
            </pre>
        </figure>
    }
}
