//! The list of cases.

use super::{
    Case, collections, concurrency, errors, filters, grouping, hybrid, indexes, paging, ranges, reads, search, text,
    values, writes,
};

/// Names the functions of a module once, as cases of that theme.
macro_rules! theme {
    ($module:ident: $($case:ident),+ $(,)?) => {
        vec![$(Case::new(
            concat!(stringify!($module), "::", stringify!($case)),
            |scene| Box::pin($module::$case(scene)),
        )),+]
    };
}

/// All cases.
pub fn cases() -> Vec<Case> {
    [of_collections(), of_records(), of_searches(), indexes::cases(), of_filters_and_errors()]
        .into_iter()
        .flatten()
        .collect()
}

fn of_collections() -> Vec<Case> {
    theme![collections:
        create_and_describe, another_name_for_the_id, create_twice, list_is_sorted, rename, rename_refuses, remove, unknown_collection,
        bad_names, bad_schemas, bad_indexes, int_ids, string_ids, auto_ids, several_vector_fields, health,
        flush_with_progress, flush_when_empty,
    ]
}

fn of_records() -> Vec<Case> {
    let mut cases = theme![writes:
        upsert_returns_ids_in_order, upsert_replaces_whole_records, upsert_mixes_new_and_old,
        upsert_again_changes_nothing, auto_ids_never_replace, large_batch, delete_by_ids, delete_by_filter,
        delete_then_upsert, read_your_writes, read_your_deletes,
    ];
    cases.extend(theme![reads:
        get_in_the_order_asked, get_repeated_ids, get_nothing, output_selection, vectors_come_back_bit_by_bit,
        cosine_vectors_come_back_as_given, binary_vectors_come_back, large_answers, count_with_filter,
    ]);
    cases.extend(theme![values:
        nulls, json, strings, longest_string, string_ids_of_every_script, int_extremes, id_extremes, floats,
        whole_numbers_in_float_fields, bools, hits_carry_values,
    ]);
    cases.extend(theme![paging:
        int_ids_in_order, string_ids_in_byte_order, after_an_id_that_is_not_there, with_filter, output_selection,
        scan_of_thousands, while_records_come_and_go, in_batches, in_batches_with_filter,
        batches_while_records_come_and_go, empty_collection, auto_ids_in_order,
    ]);
    cases
}

fn of_searches() -> Vec<Case> {
    let mut cases = theme![search:
        batch_of_queries, more_than_there_are, most_hits, thousands_of_hits, empty_collection, with_filter,
        filter_that_nothing_passes, filter_that_few_pass, output_fields, by_stored_id, by_unknown_id,
        ids_and_vectors_in_one_batch, every_vector_field, equal_vectors, strong_consistency, after_replacing,
        zero_vectors, empty_fingerprints,
    ];
    cases.extend(theme![ranges:
        l2, inner_product, cosine, hamming, jaccard, nothing_in_range, at_most_k, with_filter,
    ]);
    cases.extend(theme![grouping:
        best_of_each, several_of_each, nulls_are_one_group, by_int_and_bool, with_filter, fewer_groups_than_asked,
        few_groups_of_odd_values, of_very_uneven_sizes,
    ]);
    cases.extend(theme![text:
        rare_word, ranking, any_of_several_words, no_match, case_and_punctuation, unicode, with_filter,
        follows_writes, nulls_and_empty_texts, batch_of_queries, words_of_the_query_language,
    ]);
    cases.extend(theme![hybrid:
        two_vectors_by_rank, two_vectors_by_weight, vector_and_text_by_rank, vector_and_text_by_weight, with_filters,
        output_and_k, by_stored_id,
    ]);
    cases.extend(theme![concurrency: writers_and_readers, writers_of_the_same_records, scan_beside_writes]);
    cases
}

fn of_filters_and_errors() -> Vec<Case> {
    let mut cases = theme![filters:
        comparisons, ids, logic, membership, prefixes, patterns, arithmetic, chains, fields_with_fields, json_paths,
        exists, json_contains, is_null, nulls_are_unknown, escapes, bad_filters,
    ];
    cases.extend(theme![errors:
        bad_batches, bad_vectors, bad_binary_vectors, bad_fields, bad_ids, bad_string_ids, bad_auto_ids,
        bad_searches, bad_text_searches, bad_ranges, bad_groups, bad_hybrid_searches, bad_pages, bad_reads,
    ]);
    cases
}
