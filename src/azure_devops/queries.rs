//! Work item queries: <https://learn.microsoft.com/azure/devops/boards/queries/wiql-syntax>.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Error, Session};

/// The answer to a flat query holds work items; the answer to one over links holds links.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueryAnswer {
    #[serde(default)]
    work_items: Option<Vec<ItemReference>>,
    #[serde(default)]
    work_item_relations: Option<Vec<Link>>,
}

#[derive(Debug, Deserialize)]
struct ItemReference {
    id: u64,
}

/// A link; the items at the top have no source.
#[derive(Debug, Deserialize)]
struct Link {
    #[serde(default)]
    target: Option<ItemReference>,
}

impl QueryAnswer {
    pub(super) fn ids(self) -> Option<Vec<u64>> {
        if self.work_items.is_none() && self.work_item_relations.is_none() {
            return None;
        }
        let targets = self.work_item_relations.into_iter().flatten().filter_map(|link| link.target);
        // An answer over links may carry an empty list of items beside them.
        let ids: BTreeSet<u64> = self.work_items.into_iter().flatten().chain(targets).map(|item| item.id).collect();
        Some(ids.into_iter().collect())
    }
}

/// What a query finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Found {
    /// The ids of these work items, in ascending order.
    Items(Vec<u64>),
    /// More than so many: the most that the platform lists.
    MoreThan(u64),
}

impl From<Vec<u64>> for Found {
    fn from(ids: Vec<u64>) -> Self {
        Self::Items(ids)
    }
}

impl Session<'_> {
    /// The work items that a query finds. `None` when the answer lists neither work items nor links.
    ///
    /// # Errors
    ///
    /// As any call.
    pub async fn query(&self, wiql: &str) -> Result<Option<Found>, Error> {
        let query = json!({ "query": wiql });
        let answer = self.post("run the work item query", &self.in_project("wit/wiql"), &query).await;
        match answer {
            Ok(answer) => Ok(QueryAnswer::ids(answer).map(Found::Items)),
            Err(error) => error.size_limit().map(|limit| Some(Found::MoreThan(limit))).ok_or(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(answer: serde_json::Value) -> Option<Vec<u64>> {
        serde_json::from_value::<QueryAnswer>(answer).expect("an answer").ids()
    }

    #[test]
    fn links_are_counted_by_their_distinct_targets() {
        let links = json!({ "queryType": "tree", "workItemRelations": [
            { "rel": null, "source": null, "target": { "id": 1 } },
            { "rel": "System.LinkTypes.Hierarchy-Forward", "source": { "id": 1 }, "target": { "id": 3 } },
            { "rel": "System.LinkTypes.Hierarchy-Forward", "source": { "id": 2 }, "target": { "id": 3 } },
        ]});
        assert_eq!(ids(links), Some(vec![1, 3]));
        assert_eq!(ids(json!({ "workItems": [{ "id": 9 }, { "id": 4 }] })), Some(vec![4, 9]));
        let both = json!({ "workItems": [], "workItemRelations": [{ "target": { "id": 5 } }] });
        assert_eq!(ids(both), Some(vec![5]));
        assert_eq!(ids(json!({ "workItems": [] })), Some(vec![]));
        assert_eq!(ids(json!({ "queryType": "flat" })), None);
    }
}
