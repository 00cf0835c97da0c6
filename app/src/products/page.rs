//! The products page.

use leptos::prelude::*;
use tidewire::{
    Live,
    reactive::{LiveFor, LiveForm, LiveList, Loaded, Optimistic},
};

use super::{
    model::{AddProduct, ListProducts, Product, RemoveProduct},
    row::ProductRow,
};
use crate::{
    shell::{ListState, PageHead, PresenceBar, Refused, visitors},
    ui::{Button, Card, Code, Empty, Field, Icon, Variant},
};

const FROM_A_SHELL: &str =
    "sqlite3 data/tidewire.db \"INSERT INTO products (name, price) VALUES ('From a shell', 9.99)\"";

#[component]
pub fn ProductsPage() -> impl IntoView {
    let products = LiveList::new(Product::table(), ListProducts {});
    let visitors = visitors("products");
    // Made here, so that a refusal outlives the row, which is gone while the answer is awaited.
    let remove =
        products.writer::<RemoveProduct>(|fields| fields.parse("id").map(Optimistic::Remove));
    let refused = view! { <Refused describe=|now: Product| [&now.name, ", ", &now.price.to_string()].concat()/> };
    view! {
        <Loaded>
            <PageHead
                title="Products"
                lead="A plain table. Whoever writes to it, this page or a shell, is seen by everybody."
                actions=move || view! { <PresenceBar visitors/> }
            />
            {refused}
            <div class="grid grid-cols-1 gap-6">
                <Card flush=true>
                    <NewProduct products/>
                    <div class="table-scroll">
                        <table class="table table-stack" role="table" aria-label="Products">
                            <thead role="rowgroup">
                                <tr role="row">
                                    <th role="columnheader" scope="col">"Name"</th>
                                    <th role="columnheader" scope="col">"Number"</th>
                                    <th role="columnheader" scope="col">"Price"</th>
                                    <th role="columnheader" scope="col">
                                        <span class="sr-only">"Actions"</span>
                                    </th>
                                </tr>
                            </thead>
                            <tbody role="rowgroup">
                                <LiveFor list=products let:product>
                                    <ProductRow products product remove/>
                                </LiveFor>
                            </tbody>
                        </table>
                    </div>
                    <ListState list=products/>
                    <Show when=move || products.is_ready() && products.is_empty()>
                        <Empty icon=Icon::Database title="No products" text="Add one above."/>
                    </Show>
                </Card>
                <Card
                    title="From outside"
                    text="Run this beside the server and watch the table. No code listens for it: the database publishes."
                >
                    <Code title="Shell" text=FROM_A_SHELL/>
                </Card>
            </div>
        </Loaded>
    }
}

#[component]
fn NewProduct(products: LiveList<Product>) -> impl IntoView {
    // The database makes the number; until it has answered, the row has one that no product has.
    let provisional = StoredValue::new(0);
    let add = products.writer::<AddProduct>(move |fields| {
        provisional.update_value(|id| *id -= 1);
        let id = provisional.get_value();
        let (name, price) = (fields.get("name").trim().into(), fields.parse("price")?);
        let same = |mine: &Product, new: &Product| mine.name == new.name && mine.price == new.price;
        Some(Optimistic::Insert(Product { id, name, price }, same))
    });
    view! {
        <LiveForm writer=add reset=true class="row-form">
            <Field
                label="Name"
                name="name"
                maxlength=100
                required=true
                autocomplete="off"
                class="flex-1"
                error=Signal::derive(move || add.reason())
            />
            <div class="field">
                <label for="price" class="field-label">"Price"</label>
                <input
                    id="price"
                    name="price"
                    type="number"
                    step="0.01"
                    min="0"
                    class="input"
                    autocomplete="off"
                    required
                />
            </div>
            <Button kind="submit" variant=Variant::Primary>"Add"</Button>
        </LiveForm>
    }
}
