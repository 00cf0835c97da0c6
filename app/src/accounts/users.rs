//! The table of users, and what may be in it.

use tidewire::{Refusal, RowId, server::database::WriteTx, sql};

use super::{MAX_LOGIN, MAX_NAME, MAX_PASSWORD, MIN_PASSWORD, Password};

/// An account, as signing in needs it.
#[derive(sqlx::FromRow)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) password: String,
}

/// Adds an account; `None` when the sign-in name is taken.
pub(super) async fn add(
    tx: &mut WriteTx,
    name: &str,
    login: &str,
    password: &str,
    now: i64,
) -> Result<Option<User>, sqlx::Error> {
    sql!(tx, |db| sqlx::query_as(
        "INSERT INTO users (id, name, login, password, created) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (login) DO NOTHING RETURNING id, name, password"
    )
    .bind(RowId::new().to_string())
    .bind(name)
    .bind(login)
    .bind(password)
    .bind(now)
    .fetch_optional(db))
}

/// What others are shown: without what is not seen, or changes how the rest is read.
pub(super) fn checked_name(name: &str) -> Result<&str, Refusal> {
    let name = name.trim();
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if name.is_empty() {
        return Err(Refusal::invalid("name", "Say what others may call you."));
    }
    if name.chars().count() > MAX_NAME as usize {
        let text = format!("A name may have {MAX_NAME} characters.");
        return Err(Refusal::invalid("name", text));
    }
    if name.chars().any(hidden) {
        return Err(Refusal::invalid("name", "A name has no invisible characters."));
    }
    Ok(name)
}

/// What somebody signs in with, in the form in which it is unique.
pub(super) fn checked_login(login: &str) -> Result<String, Refusal> {
    let login = login.trim();
    if login.is_empty() {
        return Err(Refusal::invalid(
            "login",
            "Choose a name or an e-mail address to sign in with.",
        ));
    }
    if login.chars().count() > MAX_LOGIN as usize {
        let text = format!("What you sign in with may have {MAX_LOGIN} characters.");
        return Err(Refusal::invalid("login", text));
    }
    if login.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Refusal::invalid("login", "What you sign in with has no spaces in it."));
    }
    Ok(login.to_lowercase())
}

/// Length is what makes a password hard to guess; nothing else is asked of it.
pub(super) fn checked_password(field: &str, password: &Password) -> Result<(), Refusal> {
    let length = password.text().chars().count();
    if (MIN_PASSWORD as usize..=MAX_PASSWORD as usize).contains(&length) {
        return Ok(());
    }
    let text = format!("A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.");
    Err(Refusal::invalid(field, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_bq9_names_are_what_can_be_shown() {
        assert_eq!(checked_name("  Ann Smith "), Ok("Ann Smith"));
        assert_eq!(checked_name(&"ä".repeat(40)).map(str::len), Ok(80));
        for wrong in ["", "   ", &"a".repeat(41), "a\nb", "a\0", "a\u{202e}b", "\u{200b}"] {
            let refused = checked_name(wrong).unwrap_err();
            assert!(matches!(refused, Refusal::Invalid { ref field, .. } if field == "name"));
        }
    }

    #[test]
    fn spec_sy5_what_one_signs_in_with_has_one_form() {
        assert_eq!(checked_login(" Ann@Example.ORG ").as_deref(), Ok("ann@example.org"));
        assert_eq!(checked_login("Änn").as_deref(), Ok("änn"));
        for wrong in ["", " ", "a b", "a\tb", "a\u{0}", &"a".repeat(121)] {
            assert!(checked_login(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn spec_sy5_a_password_is_long_and_nothing_else() {
        let check = |text: &str| {
            checked_password("password", &serde_json::from_value(text.into()).unwrap()).is_ok()
        };
        assert!(check("aaaaaaaaaa") && check(&"ä".repeat(200)) && check("          "));
        assert!(!check("aaaaaaaaa") && !check(&"a".repeat(201)) && !check(""));
    }
}
