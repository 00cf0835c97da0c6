//! What a guest had becomes the account's: one line for each table with an owner.

use tidewire::{server::database::WriteTx, sql};

use super::users::User;

/// A table with rows of visitors adds its line here.
const TABLES: [&str; 1] = ["UPDATE notes SET owner = $2, author = $3 WHERE owner = $1"];

/// Gives the user all that the guest of this id has.
pub(super) async fn adopt(tx: &mut WriteTx, guest: &str, user: &User) -> Result<(), sqlx::Error> {
    for table in TABLES {
        let (id, name) = (&user.id, &user.name);
        sql!(tx, |db| sqlx::query(table).bind(guest).bind(id).bind(name).execute(db))?;
    }
    Ok(())
}
