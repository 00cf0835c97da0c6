//! Plain text for people: aligned tables, durations, sizes.

use std::time::Duration;

/// Columns padded to their widest cell, two spaces apart, the header underlined.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = header.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; N]| {
        let padded: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines =
        vec![line(&header.map(str::to_owned)), line(&widths.map(|width| "-".repeat(width)))];
    lines.extend(rows.iter().map(line));
    lines.join("\n")
}

/// `0.4 s`, `12 s`, `2 min 05 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// `97.4 kB`: thousands of bytes, as browsers show them.
pub(crate) fn kilobytes(bytes: u64) -> String {
    format!("{}.{} kB", bytes / 1000, bytes % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_columns_line_up_and_lines_do_not_end_in_spaces() {
        let rows = [["a".to_owned(), "long cell".to_owned()], ["bbbb".to_owned(), String::new()]];
        assert_eq!(table(["x", "y"], &rows), "x     y\n----  ---------\na     long cell\nbbbb");
    }

    #[test]
    fn spec_durations_read_well_at_every_length() {
        assert_eq!(duration(Duration::from_millis(440)), "0.4 s");
        assert_eq!(duration(Duration::from_secs(12)), "12 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn spec_sizes_are_in_thousands_of_bytes() {
        assert_eq!(kilobytes(97_449), "97.4 kB");
        assert_eq!(kilobytes(80), "0.0 kB");
    }
}
