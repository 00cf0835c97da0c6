//! One line of input with its label, and one note below it: the hint, or the error while there is one.

use leptos::{html, prelude::*};

use super::with_class;

/// Label, input and note. The note keeps its line, so an error that appears moves nothing.
///
/// Listeners written on the component sit on the wrapper, where the input's events arrive (`on:input`, `on:change`,
/// `on:keydown` bubble). Other controls wear the same classes: `<textarea class="input">` inside `<div class="field">`.
#[component]
pub fn Field(
    label: &'static str,
    /// The name in the form, and the element's id unless `id` says otherwise.
    name: &'static str,
    #[prop(optional)] id: Option<&'static str>,
    #[prop(default = "text")] kind: &'static str,
    /// What stands in it at first and after the form's reset; text that was typed is never overwritten.
    #[prop(optional, into)]
    value: MaybeProp<String>,
    #[prop(optional)] hint: &'static str,
    #[prop(optional, into)] error: MaybeProp<String>,
    #[prop(optional)] placeholder: Option<&'static str>,
    #[prop(optional)] autocomplete: Option<&'static str>,
    #[prop(optional)] minlength: Option<u32>,
    #[prop(optional)] maxlength: Option<u32>,
    #[prop(optional)] required: bool,
    /// The page begins here: the first field of a form that is the page, or the one that was refused.
    #[prop(optional)]
    autofocus: bool,
    /// Only screen readers get the label, for an input whose purpose is plain to see.
    #[prop(optional)]
    hide_label: bool,
    /// No note line: for fields in a row with a button. Errors are then shown by a `Notice`.
    #[prop(optional)]
    bare: bool,
    #[prop(optional)] node_ref: NodeRef<html::Input>,
    #[prop(optional)] class: &'static str,
) -> impl IntoView {
    let id = id.unwrap_or(name);
    let note_id = [id, "-note"].concat();
    let described_by = (!bare).then(|| note_id.clone());
    let failed = move || error.with(Option::is_some);

    view! {
        <div class=with_class("field", class)>
            <label for=id class=if hide_label { "sr-only" } else { "field-label" }>
                {label}
            </label>
            <input
                id=id
                name=name
                type=kind
                class="input"
                value=move || value.get()
                placeholder=placeholder
                autocomplete=autocomplete
                minlength=minlength
                maxlength=maxlength
                required=required
                autofocus=autofocus
                aria-describedby=described_by
                aria-invalid=move || failed().then_some("true")
                node_ref=node_ref
            />
            {(!bare)
                .then(|| {
                    view! {
                        <p
                            id=note_id
                            class="field-note"
                            aria-live="polite"
                            data-error=move || failed().then_some("")
                        >
                            {move || error.get().unwrap_or_else(|| hint.to_owned())}
                        </p>
                    }
                })}
        </div>
    }
}
