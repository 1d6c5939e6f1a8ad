//! The JSON bodies and queries of the program's own routes.

use bootcamp_core::Fields;
use bootcamp_kit::api::ItemBody;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::measuring::Evaluation;
use crate::rate::Given;
use crate::registry::{ModelInfo, Pointer};

/// Ratings and events.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsInput {
    #[schema(min_items = 1, max_items = 1000)]
    pub events: Vec<Given>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TitlesQuery {
    /// What the title contains, in whatever case.
    #[serde(default)]
    pub words: String,
    /// Items at most; the default is 10.
    #[param(minimum = 1, maximum = 200)]
    pub k: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TitlesBody {
    /// The likeliest first.
    pub items: Vec<ItemBody>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsersQuery {
    /// What their names begin with.
    pub begins: Option<String>,
    /// Users at most; the default is 20.
    #[param(minimum = 1, maximum = 200)]
    pub k: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct UsersBody {
    /// In no order that means anything.
    pub users: Vec<UserBody>,
}

/// A user of the model.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserBody {
    pub user: String,
    /// Ratings of theirs.
    pub ratings: i64,
    #[schema(value_type = Object)]
    pub facts: Value,
    /// How much they would want the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f32>,
}

impl UserBody {
    pub fn of(mut fields: Fields, score: Option<f32>) -> Self {
        Self {
            user: fields.get("user").and_then(Value::as_str).unwrap_or_default().to_owned(),
            ratings: fields.get("ratings").and_then(Value::as_i64).unwrap_or_default(),
            facts: fields.remove("facts").unwrap_or_else(|| json!({})),
            score,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    #[param(example = "42")]
    pub user: String,
    /// Ratings at most; the default is 100.
    #[param(minimum = 1, maximum = 200)]
    pub k: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryBody {
    pub user: String,
    /// Ratings in all.
    pub total: usize,
    pub ratings: Vec<RatedBody>,
}

/// A rating.
#[derive(Debug, Serialize, ToSchema)]
pub struct RatedBody {
    /// As the ratings call the item.
    pub name: String,
    pub value: f32,
    /// Milliseconds since 1970.
    pub time: Option<i64>,
    /// Null where it was removed from the catalogue.
    pub item: Option<ItemBody>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExplainQuery {
    #[param(example = "42")]
    pub user: String,
    /// Its id, or its title.
    #[param(example = "50")]
    pub item: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainBody {
    pub item: ItemBody,
    pub score: f32,
    /// The user's items, the one that adds the most first.
    pub because: Vec<ReasonBody>,
}

/// An item that speaks for another one, or against it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonBody {
    pub item: String,
    pub title: String,
    /// What it adds to the score.
    pub adds: f32,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AudienceQuery {
    /// Its id, or its title.
    #[param(example = "50")]
    pub item: String,
    /// Users at most; the default is 10.
    #[param(minimum = 1, maximum = 200)]
    pub k: Option<usize>,
    /// Only users that match, in Milvus's expression language.
    pub filter: Option<String>,
    /// Also those who have rated it already.
    pub seen: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AudienceBody {
    pub item: ItemBody,
    pub users: Vec<UserBody>,
}

/// Models and how good they were.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrainingsBody {
    #[serde(flatten)]
    pub pointer: Pointer,
    /// The newest first: `version`, `parameters`, `users`, `items`, `ratings`, `loss`, `seconds` and more.
    #[schema(value_type = Vec<Object>)]
    pub models: Vec<Value>,
    /// The last table of `evaluate`.
    #[schema(value_type = Option<Object>)]
    pub evaluation: Option<Value>,
}

impl TrainingsBody {
    pub fn new(pointer: Pointer, models: Vec<ModelInfo>, evaluation: Option<Evaluation>) -> Self {
        Self {
            pointer,
            models: models.into_iter().map(|model| json!(model)).collect(),
            evaluation: evaluation.map(|evaluation| json!(evaluation)),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MapQuery {
    /// Items at most; the default is 2,000.
    #[param(minimum = 1, maximum = 5000)]
    pub sample: Option<usize>,
}
