//! A point in time as text, the same on the server and in the browser.

use leptos::prelude::*;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Milliseconds after 1970 as "20 Nov 2026, 14:05 UTC".
#[component]
pub fn Moment(ms: i64) -> impl IntoView {
    let (year, month, day, hour, minute) = parts(ms);
    let two = |number: i64| {
        if number < 10 { ["0", &number.to_string()].concat() } else { number.to_string() }
    };
    let time = [&two(hour), ":", &two(minute)].concat();
    let machine = [&year.to_string(), "-", &two(month), "-", &two(day), "T", &time, "Z"].concat();
    let name = MONTHS.get(month as usize - 1).copied().unwrap_or("");
    let person =
        [&day.to_string(), " ", name, " ", &year.to_string(), ", ", &time, " UTC"].concat();
    view! { <time datetime=machine>{person}</time> }
}

/// Year, month, day, hour and minute.
fn parts(ms: i64) -> (i64, i64, i64, i64, i64) {
    let minutes = ms.div_euclid(60_000);
    let (days, minute_of_day) = (minutes.div_euclid(1_440), minutes.rem_euclid(1_440));
    // Years begin in March here, so that the leap day is the last of one.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day, minute_of_day / 60, minute_of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (ms, expected) in [
            (0, (1970, 1, 1, 0, 0)),
            (951_782_399_000, (2000, 2, 28, 23, 59)),
            (951_782_400_000, (2000, 2, 29, 0, 0)),
            (1_709_164_800_000, (2024, 2, 29, 0, 0)),
            (1_795_183_500_000, (2026, 11, 20, 14, 5)),
            (-60_000, (1969, 12, 31, 23, 59)),
        ] {
            assert_eq!(parts(ms), expected, "{ms}");
        }
    }
}
