//! "Did you mean": what a mistyped name most likely stands for.

/// The end of a message about an unknown name: "; did you mean `canary`?" with the nearest of the `known` names, or nothing
/// where none is near.
#[must_use]
pub fn suggest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let found = found.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&found, &name.to_lowercase());
    let near = known.into_iter().map(|name| (distance(name), name));
    // A third of the letters: enough for a slip, too few for another word.
    let near = near.filter(|(distance, name)| *distance <= name.len().div_ceil(3).max(1));
    near.min_by_key(|(distance, _)| *distance).map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}

/// The same with all `known` names after it: "; did you mean `canary`? Known are `canary`, `stable`".
#[must_use]
pub fn suggest_among<'a>(found: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let (hint, known) = (suggest(found, known.clone()), known.into_iter().collect::<Vec<_>>().join("`, `"));
    match (hint.as_str(), known.as_str()) {
        (_, "") => String::new(),
        ("", known) => format!("; known are `{known}`"),
        (hint, known) => format!("{hint} Known are `{known}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_if_it_is_near_enough() {
        for (found, suggested) in
            [("canry", "; did you mean `canary`?"), ("CANARY", "; did you mean `canary`?"), ("stable", ""), ("", "")]
        {
            assert_eq!(suggest(found, ["canary", "cantaloupe"]), suggested, "{found}");
        }
    }

    #[test]
    fn what_was_most_likely_meant_comes_before_the_list_of_names() {
        let known = ["canary", "stable"];
        assert_eq!(suggest_among("canry", known), "; did you mean `canary`? Known are `canary`, `stable`");
        assert_eq!(suggest_among("other", known), "; known are `canary`, `stable`");
        assert_eq!(suggest_among("other", []), "");
    }
}
