// Films (or whatever is recommended) on the kit's page: recommendations in place of its search, a map of taste, trainings.

import { film, factsLine, poster } from "/solution/film.js";
import { around } from "/solution/around.js";
import * as map from "/solution/map.js";
import * as recommend from "/solution/recommend.js";
import * as training from "/solution/training.js";

export const renderer = {
  formats: "Tables of ratings, items or users: CSV, TSV, JSON lines, MovieLens' and RecBole's files, plain or gzipped",
  accept: ".csv,.tsv,.jsonl,.ndjson,.inter,.item,.user,.data,.dat,.gz",
  files: /\.(csv|tsv|jsonl|ndjson|inter|item|user|data|dat)(\.gz)?$/i,
  words: { label: "Title or user:ID", placeholder: "Casablanca" },
  filter: 'year > 1990 and "Comedy" in genres',
  unlisted: ["genres", "title", "year", "path", "imported_at", "item"],
  combines: true,
  thumbnail: film,
  large: poster,
  facts: factsLine,
  detail: around,
};

export const views = [
  { name: "search", title: "Recommend", create: recommend.create },
  { name: "map", title: "Map", create: map.create },
  { name: "training", title: "Training", create: training.create },
];
