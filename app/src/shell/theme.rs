//! Light, dark, or what the system says. A small script in `<head>` sets the theme before anything is painted and serves the
//! toggle as well: the choice works before hydration and costs no WebAssembly.

use leptos::{attr::custom::custom_attribute, prelude::*};

use crate::ui::{COPY_SCRIPT, Glyph, Icon};

/// Sets `data-theme` (absent = system), the browser bar's colour and the toggle's state; marks the page with `data-js`.
pub const THEME_SCRIPT: &str = r##"
(function () {
  var root = document.documentElement;
  var dark = matchMedia("(prefers-color-scheme: dark)");
  function chosen() {
    try {
      var theme = localStorage.getItem("theme");
      return theme === "light" || theme === "dark" ? theme : "system";
    } catch (blocked) {
      return root.getAttribute("data-theme") || "system";
    }
  }
  function show(theme) {
    if (theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    var color = theme === "dark" || (theme === "system" && dark.matches) ? "#0e1418" : "#f7fafa";
    document.querySelectorAll("meta[name=theme-color]").forEach(function (meta) { meta.content = color; });
    document.querySelectorAll("[data-theme-toggle] input").forEach(function (input) {
      input.checked = input.value === theme;
    });
  }
  function again() { show(chosen()); }
  root.setAttribute("data-js", "");
  again();
  document.addEventListener("DOMContentLoaded", again);
  addEventListener("pageshow", again);
  dark.addEventListener("change", again);
  addEventListener("storage", again);
  document.addEventListener("focusin", function (event) {
    if (event.target.closest && event.target.closest("[data-theme-toggle]")) again();
  });
  document.addEventListener("change", function (event) {
    if (!event.target.closest || !event.target.closest("[data-theme-toggle]")) return;
    try { localStorage.setItem("theme", event.target.value); } catch (blocked) {}
    show(event.target.value);
  });
})();
"##;

/// What the page's `<head>` needs from this crate's interface: colour scheme, the browser bar's colour, icon, and the scripts
/// that must run before the first paint, with the nonce that the content security policy lets run.
pub fn head(nonce: Option<String>) -> impl IntoView {
    let media = |query: &'static str| custom_attribute("media", query);

    view! {
        <meta name="color-scheme" content="light dark"/>
        <meta name="theme-color" content="#f7fafa" {..media("(prefers-color-scheme: light)")}/>
        <meta name="theme-color" content="#0e1418" {..media("(prefers-color-scheme: dark)")}/>
        <link rel="icon" href="/favicon.ico" sizes="32x32"/>
        <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
        <script nonce=nonce.clone() inner_html=THEME_SCRIPT></script>
        <script nonce=nonce inner_html=COPY_SCRIPT></script>
    }
}

/// Three radio buttons that look like one switch. Not shown without scripts: the system's theme then applies.
#[component]
pub fn ThemeToggle() -> impl IntoView {
    const CHOICES: [(&str, &str, Icon); 3] = [
        ("system", "System theme", Icon::Monitor),
        ("light", "Light theme", Icon::Sun),
        ("dark", "Dark theme", Icon::Moon),
    ];

    view! {
        <fieldset class="theme js-only" data-theme-toggle="">
            <legend class="sr-only">"Colour theme"</legend>
            {CHOICES
                .into_iter()
                .map(|(value, label, icon)| {
                    view! {
                        <label class="theme-option" data-value=value title=label>
                            <input
                                type="radio"
                                name="theme"
                                value=value
                                class="sr-only"
                                autocomplete="off"
                                aria-label=label
                            />
                            <Glyph icon=icon/>
                        </label>
                    }
                })
                .collect_view()}
        </fieldset>
    }
}
