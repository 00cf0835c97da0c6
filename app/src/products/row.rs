//! One product: edited in place, refused when somebody else was faster.

use leptos::{ev::KeyboardEvent, prelude::*};
use tidewire::reactive::{LiveForm, LiveList, Optimistic, Row, Writer};

use super::model::{ChangeProduct, Product};
use crate::{
    shell::Problem,
    ui::{Button, Glyph, Icon, Size, Variant},
};

/// What a person is typing, and the product as it was when they began.
#[derive(Clone, PartialEq)]
struct Draft {
    name: String,
    price: String,
    base: Product,
}

impl Draft {
    fn of(product: Product) -> Self {
        Self { name: product.name.clone(), price: product.price.to_string(), base: product }
    }
}

#[component]
pub fn ProductRow(
    products: LiveList<Product>,
    product: Row<Product>,
    remove: Writer<Product>,
) -> impl IntoView {
    let draft = RwSignal::new(None::<Draft>);
    let current = move || draft.get().unwrap_or_else(|| Draft::of(product.get()));
    let edit = move |edit: &dyn Fn(&mut Draft)| {
        let mut draft_now =
            draft.get_untracked().unwrap_or_else(|| Draft::of(product.get_untracked()));
        edit(&mut draft_now);
        draft.set(Some(draft_now));
    };
    let change = products.writer::<ChangeProduct>(move |fields| {
        let (id, name) = (product.get_untracked().id, fields.get("name").trim().to_owned());
        Some(Optimistic::Put(Product { id, name, price: fields.parse("price")? }))
    });
    let refused = move |kept: bool| {
        if let (false, Some(failure)) = (kept, change.failure()) {
            // What was typed comes back, over what stands there now: saving again decides for mine.
            let base = change.conflict().unwrap_or_else(|| product.get_untracked());
            let (name, price) =
                (failure.fields.get("name").into(), failure.fields.get("price").into());
            draft.set(Some(Draft { name, price, base }));
        }
    };
    let take_theirs = move |()| {
        draft.set(None);
        change.dismiss();
    };
    let key = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            take_theirs(());
        }
    };
    let form_id = move || ["product-", &product.read().id.to_string()].concat();
    let was = move || current().base;
    view! {
        <tr
            role="row"
            class:pending=move || product.pending()
            class:row-flash=move || product.changed_odd()
            class:row-flash-again=move || product.changed_even()
            on:keydown=key
        >
            <td role="cell">
                <LiveForm
                    writer=change
                    sent=move |()| draft.set(None)
                    done=refused
                    attr:id=form_id
                >
                    <input type="hidden" name="id" value=move || product.read().id.to_string()/>
                    <input type="hidden" name="was_name" value=move || was().name/>
                    <input type="hidden" name="was_price" value=move || was().price.to_string()/>
                    <input
                        name="name"
                        class="in-place"
                        aria-label="Name"
                        maxlength=100
                        required
                        autocomplete="off"
                        value=move || product.read().name.clone()
                        prop:value=move || current().name
                        on:input=move |event| {
                            let name = event_target_value(&event);
                            edit(&|draft| draft.name = name.clone());
                        }
                    />
                </LiveForm>
                <Problem writer=change dismissed=take_theirs/>
                <Problem writer=remove row=product/>
                <Show when=move || change.conflict().is_some()>
                    <p class="row-note">
                        "Now: “" {move || product.read().name.clone()} "” for "
                        {move || product.read().price.to_string()}
                        ". Save again to keep yours, or press Escape to take theirs."
                    </p>
                </Show>
            </td>
            <td role="cell" data-label="Number" class="tabular-nums text-muted">
                {move || match product.read().id {
                    id if id > 0 => id.to_string(),
                    _ => "…".into(),
                }}
            </td>
            <td role="cell" data-label="Price">
                <input
                    form=form_id
                    name="price"
                    type="number"
                    step="0.01"
                    min="0"
                    class="in-place tabular-nums"
                    aria-label="Price"
                    required
                    value=move || product.read().price.to_string()
                    prop:value=move || current().price
                    on:input=move |event| {
                        let price = event_target_value(&event);
                        edit(&|draft| draft.price = price.clone());
                    }
                />
            </td>
            <td role="cell">
                <div class="row-actions">
                    <button
                        type="submit"
                        form=form_id
                        class="btn"
                        data-variant="ghost"
                        data-size="sm"
                    >
                        "Save"
                    </button>
                    <LiveForm writer=remove class="contents">
                        <input type="hidden" name="id" value=move || product.read().id.to_string()/>
                        <Button kind="submit" variant=Variant::Ghost size=Size::Small label="Delete">
                            <Glyph icon=Icon::Trash/>
                        </Button>
                    </LiveForm>
                </div>
            </td>
        </tr>
    }
}
