// An item: what goes with it, how popular it is, and how many lists show it.

import { ask, hasRoute, path } from "../api.js";
import { el, fill } from "../dom.js";
import { ItemList } from "../item_list.js";
import { ago, count, percent, times } from "../format.js";
import { t } from "../i18n.js";
import { SearchForm } from "../search_form.js";
import { empty, filled, unavailable } from "../states.js";
import { Tile } from "../tile.js";

const ROUTE = "/v1/items/{item_id}/similar";

const TILES = [
  { name: "popularity", value: (item) => percent(item.popularity, 2), unit: "unit.percent" },
  { name: "trend", value: (item) => times(item.trend), unit: "unit.times", note: (item) => t(direction(item.trend)) },
  { name: "exposed", value: (item) => count(item.lists), unit: "unit.lists" },
  { name: "item_events", value: (item) => count(item.events), unit: "unit.events" },
];

export function show(main, itemId, signal) {
  const heading = el("h1", { tabindex: -1 }, itemId ? t("item.title", { item: itemId }) : t("nav.item"));
  const search = new SearchForm({ page: "item", label: t("item.search"), value: itemId });
  const body = el("div");
  fill(main, el("div", { class: "title" }, heading, search.element), body);
  if (!itemId) {
    fill(body, empty(t("item.none"), t("item.none.hint")));
    return;
  }
  filled(body, async () => fill(body, await content(itemId, heading, signal)));
}

async function content(itemId, heading, signal) {
  if (!(await hasRoute(ROUTE))) return unavailable(t("item.similar"));
  const answer = await ask(path`v1/items/${itemId}/similar`, { signal }).catch((problem) => {
    if (problem.status === 404) return null;
    throw problem;
  });
  if (answer === null) return empty(t("item.unknown"), t("item.unknown.hint"));
  if (answer.title) heading.textContent = answer.title;
  const tiles = TILES.map((each) => new Tile(each));
  tiles.forEach((tile) => tile.update(answer));
  const similar = new ItemList({ caption: t("item.similar") });
  similar.update(answer.items);
  return [
    el("p", { class: "muted" }, [itemId, answer.category, age(answer)].filter(Boolean).join(" · ")),
    el("ul", { class: "tiles" }, tiles.map((tile) => tile.element)),
    el("section", { class: "card" }, el("h2", {}, t("item.similar")), answer.items.length ? similar.element : empty(t("item.alone"))),
  ];
}

function age(answer) {
  return answer.generated_at ? t("item.age", { ago: ago(Date.now() - answer.generated_at) }) : "";
}

function direction(trend) {
  if (!Number.isFinite(trend)) return "trend.unknown";
  if (trend > 1.1) return "trend.up";
  return trend < 0.9 ? "trend.down" : "trend.level";
}
