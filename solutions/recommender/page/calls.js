// The program's own routes.

import { json, post } from "/assets/api.js";

const params = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value != null && value !== ""));

export const titles = (words, k, signal) => json(`/titles?${params({ words, k })}`, { signal });
export const users = (begins, signal) => json(`/users?${params({ begins, k: 12 })}`, { signal });
export const history = (user, signal) => json(`/history?${params({ user })}`, { signal });
export const audience = (item, signal) => json(`/audience?${params({ item, k: 8 })}`, { signal });
export const trainings = (signal) => json("/trainings", { signal });
export const tasteMap = (sample) => json(`/taste-map?${params({ sample })}`);
export const rollBack = () => post("/rollback", {});
export const rate = (user, item, value) => post("/events", { events: [{ user, item, value }] });
